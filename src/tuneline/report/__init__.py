"""Pages that a person opens: one HTML file each, readable on a phone, in the dark and on paper."""
