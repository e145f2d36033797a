"""The explorer: an atlas in the browser, as a server, in a notebook, or as one HTML file."""
