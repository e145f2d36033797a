// Matches are circled on the map only while their tab is open. A table that was filled while hidden is drawn again.
rings.visible = cb_obj.tabs[cb_obj.active].title === "More like this";
setTimeout(() => tables.forEach((table) => table.change.emit()), 50);
