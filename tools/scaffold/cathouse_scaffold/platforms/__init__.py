"""Create platforms of other names from this repository, and update them.

copier runs these modules before any package is installed, so they import only the standard library.
"""
