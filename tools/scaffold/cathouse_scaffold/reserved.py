"""Reserved words of the languages and programs in which names of services and platforms appear."""

import keyword

_PYTHON = {word.lower() for word in (*keyword.kwlist, *keyword.softkwlist)}
# In a YAML file, a key with such a name is read as a boolean or as null (YAML 1.1, types bool and null).
_YAML = {"false", "no", "null", "off", "on", "true", "yes"}
_NIX = {"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}
# Networks and network modes of a Docker engine.
_DOCKER = {"bridge", "host", "ingress", "none", "overlay"}
# Windows cannot have folders with these names, because they are devices.
_WINDOWS = {
    "aux",
    "con",
    "nul",
    "prn",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}
KEYWORDS = {
    "a keyword of Python": _PYTHON,
    "a boolean or null in YAML": _YAML,
    "a keyword of Nix": _NIX,
    "a network of Docker": _DOCKER,
    "a device on Windows": _WINDOWS,
}
# Reserved words of PostgreSQL 18, including those that are allowed only as names of functions and types. The pattern of
# names already refuses some of them.
SQL = set(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross default deferrable desc distinct do else end except
    false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is
    isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only
    or order outer overlaps placing primary references returning right select similar some symmetric table
    tablesample then to trailing true union unique user using variadic verbose when where window with
    """.split()  # noqa: SIM905 # a list would have one word a line
)
