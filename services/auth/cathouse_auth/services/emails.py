"""The key that all spellings of one email share."""

import unicodedata

import idna


def email_key(email: str) -> str:
    """Return the key of an email. Spellings that differ only by case, Unicode form or domain notation share a key.

    The local part is folded for caseless comparison (Unicode Standard, section 3.13, D145). The Turkish i is one
    letter, with or without its dot, in upper and lower case. The domain is converted to ASCII (RFC 5891), where ß and
    ss differ. Text that is not an email gets a key too; nobody has registered with it.
    """
    local, at, domain = email.rpartition("@")
    if email.isascii() and "xn--" not in email.lower():
        return email.lower()
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", local).casefold())
    folded = folded.replace("i\u0307", "i").replace("ı", "i")
    return unicodedata.normalize("NFC", folded) + at + _ascii_domain(domain)


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()
