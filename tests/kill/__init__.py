"""A real worker process is killed after every single step; the next one must end where an undisturbed one ends."""
