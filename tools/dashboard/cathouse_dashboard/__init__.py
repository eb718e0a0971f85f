"""The dashboard of the development stack."""
