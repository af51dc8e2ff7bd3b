"""The outputs, a file each: `as_NAME.py` has `render`. Adding one is adding a file here."""
