"""What is in the memory of a process: for secrets that should be gone."""


def found(pid, words):
    """Which of the words stand somewhere in memory that the process can write to, and in what surroundings."""
    hits = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(number, 16) for number in span.split("-"))
            memory.seek(begin)
            octets = memory.read(end - begin)
            for word in words:
                at = octets.find(word.encode())
                if at >= 0:
                    hits.append((word, line.strip(), octets[max(0, at - 60):at + 60]))
    return hits
