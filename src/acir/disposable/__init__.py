"""Work that may crash, hang or take all memory, done by processes that may die."""
