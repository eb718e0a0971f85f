"""What the development stack needs around its processes."""
