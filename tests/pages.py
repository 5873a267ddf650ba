"""What the pages of the chapters must keep to, and the chapters that do not yet."""

# Chapters that are not converted yet.
NOT_YET: set[str] = set()
MOST_OPEN, IN_NOTEBOOK = 350, 1_050  # lines of code that are open on a page, and in a notebook
PICTURE_BY = 1_200  # pixels from the top of a page 1280 wide
