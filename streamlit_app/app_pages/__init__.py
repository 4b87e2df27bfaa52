"""Pages: the order of components, without logic."""
