"""What is wrong shows: a line in status, as text and as JSON, one in the log, and an event."""
from conftest import open_relay
from lib.waiting import wait_for


def test_every_line_of_the_text_stands_in_the_json(pair):
    gateway, sink = pair()
    lines, text = gateway.ctl("status")["lines"], gateway.text("status")
    labels = {line["what"] for line in lines}
    shown = [line for line in text.splitlines()[1:] if line and not line.startswith(" ")]
    assert len(shown) == len(lines) and all(any(line.startswith(label + " ") for label in labels) for line in shown)


def test_a_full_spool_is_told(pair):
    gateway, sink = pair()
    assert gateway.ctl("status")["wrong"] == []
    gateway.set(spool__min_free="1000G")
    gateway.restart()
    wrong, = gateway.ctl("status")["wrong"]
    assert wrong["name"] == "spool full" and wrong["text"] in gateway.text("status")
    line = gateway.wait_log("trouble")[0]
    assert line["what"] == "spool full" and line["text"] == wrong["text"]


def test_a_relay_lists_what_modules_add(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink()).module("70-quota", "quota").start()
    rows = gateway.ctl("options", "relay")
    assert {"relay", "quota", "routing"} <= {row["owner"] for row in rows}
    assert any(row["key"] == "relay: daily_limit" for row in rows)
    assert {"on_error", "deadline"} <= {row["key"] for row in gateway.ctl("options", "fragment")}
