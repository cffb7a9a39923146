"""What a reload cannot take is named: in its answer, in the log, in status and in the list of options."""
import os
import pwd
import stat

from conftest import open_relay


def test_a_reload_names_what_needs_a_restart(new_gateway, new_sink):
    gateway = new_gateway()
    open_relay(gateway.relay("out", new_sink()), "out").start()
    assert gateway.status()["configuration"]["needs_restart"] == ""
    gateway.set(log__path=os.path.join(gateway.folder, "elsewhere"), workers=3, dns__local=True, log__level="debug").write()
    checked = gateway.run_ctl("check")
    assert checked.code == 0 and '"workers" needs a restart: until then it is "2"' in checked.out, checked.out
    said = gateway.run_ctl("reload")
    assert said.code == 0 and said.out.rstrip().endswith("reloaded")
    for key in ("log.path", "workers", "dns.local"):
        assert '00-gateway.conf:' in said.out and '"%s" needs a restart' % key in said.out, said.out
        assert [line for line in gateway.log("configuration") if '"%s" needs a restart' % key in line["text"]]
    assert "log.level" not in said.out
    assert gateway.status()["configuration"]["needs_restart"] == "workers, dns.local, log.path"
    assert "needs a restart: workers, dns.local, log.path" in gateway.text("status")
    for key in ("log.path", "workers", "dns.local"):
        del gateway.fragments["00-gateway"]["gateway"][key]
    gateway.set(workers=2).write()
    assert gateway.run_ctl("reload").out.strip() == "reloaded"
    assert gateway.status()["configuration"]["needs_restart"] == ""


def test_the_list_of_options_says_it_too(new_gateway):
    gateway = new_gateway()
    open_relay(gateway).start()
    rows = {row["key"]: row["reload"] for row in gateway.ask("options", "gateway")["rows"]}
    assert {key for key, value in rows.items() if value == "restart"} == {
        "workers", "offload_threads", "dns.forward", "dns.trust_anchor", "dns.local", "spool.path", "spool.segment_size", "spool.min_free",
        "spool.min_free_inodes", "log.path", "log.journal_days", "control.socket"}
    assert rows["listeners"] == rows["limits.sessions"] == rows["control.view_group"] == "yes"


def test_groups_of_the_control_socket_are_taken(new_gateway):
    gateway = new_gateway()
    open_relay(gateway).start()
    mode = lambda: stat.S_IMODE(os.stat(gateway.socket_path).st_mode)
    assert mode() == 0o600
    gateway.set(control__view_group="nogroup").write()
    gateway.ctl("reload")
    assert mode() == 0o660 and os.stat(gateway.socket_path).st_gid == pwd.getpwnam("nobody").pw_gid
    del gateway.fragments["00-gateway"]["gateway"]["control.view_group"]
    gateway.write()
    gateway.ctl("reload")
    assert mode() == 0o600
