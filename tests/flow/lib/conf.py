"""Python values as libconfig text: what the tests say about a gateway, as its fragments say it."""


def nested(flat):
    """{"rcpt.verdict": "accept"} -> {"rcpt": {"verdict": "accept"}}; values that are groups are looked into as well."""
    tree = {}
    for key, value in flat.items():
        at = tree
        *groups, last = key.split(".")
        for group in groups:
            at = at.setdefault(group, {})
        if isinstance(value, dict):
            at.setdefault(last, {}).update(nested(value))
        else:
            at[last] = value
    return tree


def quoted(text):
    out = ""
    for char in text:
        if char in '"\\':
            out += "\\" + char
        elif ord(char) < 32:
            out += "\\x%02x" % ord(char)
        else:
            out += char
    return '"%s"' % out


def value_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{ %s }" % group_text(value)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(value_text(item) for item in value)
        return "( %s )" % inner if any(isinstance(item, dict) for item in value) else "[ %s ]" % inner
    return quoted(str(value))


def group_text(tree):
    return "\n".join("%s%s%s;" % (key, ": " if isinstance(value, dict) else " = ", value_text(value)) for key, value in tree.items())


def fragment_text(fragment):
    """A fragment given as a dict; text stays text."""
    return fragment if isinstance(fragment, str) else group_text(nested(fragment)) + "\n"
