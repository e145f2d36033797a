// What was found is circled on the map only while it is looked at; a table that was hidden shows what it holds by now.
rings.visible = cb_obj.tabs[cb_obj.active].title === "More like this";
setTimeout(() => tables.forEach((table) => table.change.emit()), 50);
