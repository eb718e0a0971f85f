"""Installation's routes. A route parses the request, calls one function, and returns its result."""
