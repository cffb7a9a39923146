"""Work of modules on the pool's threads: what outlives its deadline, and who stands behind whom."""
from lib.client import Client
from lib.waiting import wait_for


def test_a_session_goes_on_while_work_that_was_given_up_still_runs(new_gateway, new_sink):
    """The next EHLO comes while the first one's work is still under way: the call is not free, and is taken up when it is."""
    gateway = new_gateway()
    gateway.probe(options={"ehlo.way": "offload", "ehlo.delay": "500ms", "ehlo.deadline": "50ms", "rcpt.verdict": "accept"},
                  on_error="continue")
    gateway.relay("out", new_sink()).start()
    with Client(gateway.clear_port, greet=False) as client:
        assert client.reply().code == 220
        for _ in range(3):
            assert client.say("EHLO client.example.com").code == 250
        assert client.say("NOOP").code == 250
        assert client.say("QUIT").code == 221
    wait_for(lambda: gateway.status()["counters"]["sessions_open"] == 0, 10, "no session is left")


def test_work_past_its_deadline_is_not_begun(new_gateway, new_sink):
    """One thread, and each look takes longer than all may wait: who stands behind is answered in time, and costs nothing."""
    gateway = new_gateway()
    gateway.probe(options={"mail.way": "offload", "mail.delay": "600ms", "mail.deadline": "300ms", "rcpt.verdict": "accept"})
    gateway.relay("out", new_sink()).set(offload_threads=1, workers=1).start()
    clients = [Client(gateway.clear_port, ehlo="client.example.com") for _ in range(8)]
    for client in clients:
        client.send("MAIL FROM:<a@example.com>\r\n")
    assert [client.reply().code for client in clients] == [451] * 8
    line = next(line for line in gateway.status()["offload"] if line["name"].endswith("probe"))
    assert line["dropped"] >= 5 and line["begun"] + line["dropped"] == 8 and line["waiting"] == 0, line
    assert "dropped unbegun" in gateway.text("status")
    for client in clients:
        client.sock.close()
