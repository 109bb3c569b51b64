"""The HTML page as Jinja templates and one style sheet. No script, no reference to anything outside of the page."""
