"""The evaluation as a person reads it: a page for the browser, a summary in Markdown."""
