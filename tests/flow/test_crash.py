"""Whatever ends the gateway or fails under it: what it acknowledged is kept and delivered as it was."""
import fcntl
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import LONG, open_relay
from lib.client import Client, queue_id
from lib.crowd import Crowd, arrived, check_arrived
from lib.sink import OK, Act
from lib.waiting import PATIENCE, wait_for

MAIL = b"Subject: crash\r\n\r\nhello\r\n"
ROUNDS = 20 if LONG else 10


def settle(gateway, crowd, sink, timeout=30):
    wait_for(lambda: all(mark in arrived(sink) for mark in crowd.acknowledged), timeout, lambda: "all %d; %d are here, queue %r\n%s" % (
        crowd.done, len(arrived(sink)), gateway.queue()[:3], gateway.log_text()[-1500:]))
    gateway.wait_queue_empty(timeout)
    return check_arrived(crowd, sink)


def wait_progress(crowd, more):
    target = crowd.done + more
    wait_for(lambda: crowd.done >= target, 20, lambda: "progress: %d acknowledged, %d cut, %r" % (crowd.done, crowd.cut, crowd.refused[-3:]))


def test_79_kill_9_under_load_at_random_moments_loses_nothing(pair):
    """Every third kill comes while it recovers from the one before (FAULTS 81)."""
    gateway, sink = pair(settings={"spool.segment_size": "1M", "limits.extent": "8K"}, script={"dot": lambda session, line: Act(OK, delay=0.002)})
    crowd = Crowd(gateway, clients=6, big=30000).start()
    chance = random.Random(os.environ.get("FLOW_SEED", "seed"))
    for number in range(ROUNDS):
        wait_progress(crowd, 40 + chance.randrange(60))
        gateway.kill()
        if number % 3 == 2:
            gateway.launch()
            chance_to_die = time.monotonic() + chance.uniform(0.005, 0.04)
            wait_for(lambda: time.monotonic() > chance_to_die, 1)
            gateway.kill()
        gateway.start()
    wait_progress(crowd, 40)
    crowd.stop()
    settle(gateway, crowd, sink)
    assert not gateway.log("unreadable") and gateway.status()["spool"]["damaged"] == 0


def test_79_kill_9_while_mail_waits_keeps_its_state(pair):
    """What was delivered is not sent again, what waits waits, what is held is held."""
    gateway, sink = pair(settings={"queue.retry": ["1h"]}, script={"rcpt": lambda session, line: "450 4.2.1 later" if "late@" in line else OK})
    with Client(gateway.clear_port, ehlo="me") as client:
        partial = queue_id(client.message(MAIL, "a@example.com", "now@example.net", "late@example.net"))
        held = queue_id(client.message(MAIL, "a@example.com", "late@example.net"))
    gateway.wait_log("later", id=partial)
    gateway.wait_log("later", id=held)
    gateway.ctl("queue", "hold", held)
    # A message that is acknowledged now is behind these records in the log, so they are on the disk with it.
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(MAIL, "", "behind@example.net")
    sink.wait_messages(2)
    gateway.kill()
    gateway.start()
    rows = {row["id"]: row for row in gateway.queue()}
    assert rows[partial]["state"] == "waiting" and rows[held]["state"] == "held"
    sink.script.clear()
    gateway.ctl("queue", "retry", partial)
    sink.wait(lambda: any("late@example.net" in message.rcpts for message in sink.messages), 10)
    assert sum("now@example.net" in message.rcpts for message in sink.messages) == 1


def test_held_by_a_module_is_held_after_kill_9(new_gateway, new_sink):
    """The hold is part of what was acknowledged."""
    sink, gateway = new_sink(), new_gateway()
    open_relay(gateway, "out").relay("out", sink)
    gateway.fragments["40-probe"]["probe"].update({"message.verdict": "hold"})
    gateway.start()
    with Client(gateway.clear_port, ehlo="me") as client:
        id = queue_id(client.message(MAIL))
    gateway.kill()
    gateway.start()
    assert [(row["id"], row["state"]) for row in gateway.queue()] == [(id, "held")]
    assert not sink.sessions


def test_83_a_second_gateway_on_one_state_refuses_to_start(pair):
    gateway, sink = pair()
    gateway.set(listeners=[])
    gateway.write()
    second = subprocess.run(gateway.command("--foreground"), capture_output=True, text=True, timeout=20 * PATIENCE)
    assert second.returncode != 0 and second.stderr.strip()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(MAIL)
    sink.wait_messages(1)


def test_83_a_second_gateway_on_one_spool_refuses_to_start(pair, new_gateway):
    gateway, sink = pair()
    other = new_gateway()
    open_relay(other, "out").relay("out", sink).set(spool__path=os.path.join(gateway.state, "spool"))
    other.launch()
    assert other.wait_end() != 0
    assert "spool" in other.log_text()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(MAIL)
    sink.wait_messages(1)


def test_84_sigterm_under_load(pair):
    """No 250 is lost, sessions that idle get 421, and it ends within 10 s."""
    gateway, sink = pair(script={"dot": lambda session, line: Act(OK, delay=0.01)})
    crowd = Crowd(gateway, clients=6).start()
    with Client(gateway.clear_port, ehlo="idle") as idle:
        wait_progress(crowd, 100)
        gateway.process.send_signal(signal.SIGTERM)
        assert idle.reply().code == 421
        assert gateway.wait_end(10) == 0  # 70: it was killed, because it took too long
    crowd.stopping.set()
    gateway.start()
    crowd.join()
    settle(gateway, crowd, sink)


def test_84_sigterm_while_a_text_comes_in(pair):
    """A message that is on its way in may end; a new one is refused."""
    gateway, sink = pair()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.envelope()
        client.say("DATA", 354)
        client.send(b"Subject: on its way\r\n\r\n")
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_log("stopping")
        client.send(b"and ended\r\n.\r\n")
        assert client.reply().code == 250
        assert client.say("MAIL FROM:<next@example.com>").code == 421
    assert gateway.wait_end() == 0
    gateway.start()
    sink.wait_messages(1)
    gateway.wait_queue_empty()
    assert len(sink.messages) == 1


def test_stop_with_a_delivery_that_hangs(pair):
    gateway, sink = pair(script={"dot": Act(stall=True)})
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(MAIL)
    sink.wait(lambda: sink.texts, 10)
    assert gateway.stop() == 0
    sink.script.clear()
    gateway.start()
    sink.wait_messages(1)


# --- a disk that is full, fails, is read-only ---

@pytest.fixture
def small_disk(tmp_path):
    folders = []

    def make(options="size=12m"):
        folder = tmp_path / ("disk%d" % len(folders))
        folder.mkdir()
        if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True).returncode != 0:
            pytest.skip("no mounts here")
        folders.append(str(folder))
        return str(folder)
    yield make
    for folder in folders:
        subprocess.run(["umount", "-l", folder])


def test_74_full_disk_puts_mail_off_and_recovers_by_itself(pair, small_disk):
    disk = small_disk()
    gateway, sink = pair(settings={"spool.path": disk + "/spool", "spool.segment_size": "1M", "spool.min_free": "2M", "queue.retry": ["1s"]},
                         script={"connect": lambda session, line: OK if room.is_set() else Act("421 not now", close=True)})
    crowd = Crowd(gateway, clients=3, big=200000).start()
    wait_for(lambda: crowd.refused, 30, "the disk to be full")
    assert all(reply.code == 452 for reply in crowd.refused[:5]), crowd.refused[:5]
    crowd.stopping.set()
    with Client(gateway.clear_port, ehlo="me") as client:
        assert wait_for(lambda: (client.say("MAIL FROM:<a@example.com> SIZE=100000").code == 452) or client.say("RSET") is None, 5)
    crowd.join()
    room.set()
    settle(gateway, crowd, sink, 40)
    again = Crowd(gateway, clients=2, most=5, prefix="again")

    def taken():
        with Client(gateway.clear_port, ehlo="me") as client:
            return client.say("MAIL FROM:<a@example.com>").code == 250
    wait_for(taken, 10, "mail to be taken again: %r" % gateway.status()["spool"])
    again.start().join()
    settle(gateway, again, sink)


room = threading.Event()


@pytest.fixture(autouse=True)
def no_room():
    room.clear()


def test_76_no_inodes_left(pair, small_disk):
    disk = small_disk("size=64m,nr_inodes=16")
    gateway, sink = pair(settings={"spool.path": disk + "/spool", "spool.segment_size": "1M", "spool.min_free_inodes": 4, "queue.retry": ["1h"]},
                         script={"mail": "451 4.7.1 not now"})
    number = 0
    try:
        while True:
            open(disk + "/file%d" % number, "w").close()
            number += 1
    except OSError:
        pass

    def mail_code():
        with Client(gateway.clear_port, ehlo="me") as client:
            return client.say("MAIL FROM:<a@example.com>").code
    wait_for(lambda: mail_code() == 452, 10, "452")
    for i in range(number):
        os.unlink(disk + "/file%d" % i)
    wait_for(lambda: mail_code() == 250, 10, "250")


@pytest.fixture
def faulty(pair, disk):
    """A pair on that disk."""
    def make(**how):
        return pair(start={"env": disk.env}, **how)
    return make


@pytest.mark.parametrize("rule, codes", [("sync EIO", (451,)), ("write EIO path=spool", (451,)), ("write ENOSPC path=spool", (452,)), ("write EROFS path=spool", (451,)),
                                         ("write EDQUOT path=spool", (452,))])
def test_75_failing_disk_puts_mail_off_and_recovers(faulty, disk, rule, codes):
    gateway, sink = faulty()
    crowd = Crowd(gateway, clients=1, most=20).start().join()
    assert crowd.done == 20
    disk.fails(rule)
    failed = Crowd(gateway, clients=4, most=5, prefix="failed").start().join()
    assert disk.fault_count() > 0 and failed.refused and not failed.acknowledged
    assert {reply.code for reply in failed.refused} <= set(codes), failed.refused[:5]
    disk.heals()
    wait_taken(gateway)
    after = Crowd(gateway, clients=2, most=20, prefix="after").start().join()
    assert after.done == 40
    for each in (crowd, after):
        settle(gateway, each, sink)
    assert not [mark for mark in arrived(sink) if mark.startswith("failed")]
    gateway.restart(env={})
    assert not [mark for mark in arrived(sink) if mark.startswith("failed")], "a message that got 451 came back with the restart"


def wait_taken(gateway):
    def taken():
        with Client(gateway.clear_port, ehlo="me") as client:
            return client.say("MAIL FROM:<a@example.com>").code == 250 and client.say("RCPT TO:<b@example.net>").code == 250 and \
                client.text(b"Subject: probe\r\n\r\nx\r\n").code == 250
    wait_for(taken, 15, "mail to be taken again")


def test_75_one_failed_sync_costs_its_group_alone(faulty, disk):
    gateway, sink = faulty()
    disk.fails("fdatasync EIO n=5")
    crowd = Crowd(gateway, clients=4, most=30).start().join()
    assert disk.fault_count() == 1 and {reply.code for reply in crowd.refused} == {451}
    assert 1 <= len(crowd.refused) <= 4 and crowd.done >= 116
    settle(gateway, crowd, sink)


def test_77_deliveries_go_on_while_the_spool_cannot_be_written(faulty, disk):
    """What was taken before goes out; nothing new is taken."""
    gateway, sink = faulty(script={"connect": [Act("421 not now", close=True)] * 2}, settings={"queue.retry": ["1s"]})
    crowd = Crowd(gateway, clients=1, most=10).start().join()
    disk.fails("change EROFS path=spool")
    with Client(gateway.clear_port, ehlo="me") as client:
        assert client.say("MAIL FROM:<a@example.com>").code == 451 or client.say("RCPT TO:<b@example.net>").code == 250 and client.text(MAIL).code == 451
    wait_for(lambda: all(mark in arrived(sink) for mark in crowd.acknowledged), 20, lambda: "deliveries: %r" % gateway.queue())
    assert gateway.status()["spool"]["state"] != "fine"
    disk.heals()
    wait_taken(gateway)


# --- a spool that was damaged ---

def segments(gateway):
    folder = os.path.join(gateway.state, "spool")
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name)) and
                  os.path.getsize(os.path.join(folder, name)) > 1000)


def queue_some(pair, count=20):
    gateway, sink = pair(settings={"queue.retry": ["1h"]}, script={"mail": "451 4.7.1 not now"})
    crowd = Crowd(gateway, clients=1, most=count).start().join()
    for id, _ in crowd.acknowledged.values():
        gateway.wait_log("later", id=id)
    gateway.stop()
    sink.script.clear()
    return gateway, sink, crowd


def test_check_spool_of_a_sound_spool(pair):
    gateway, sink, crowd = queue_some(pair)
    answer = gateway.check("--check-spool")
    assert answer.code == 0, answer.out + answer.err
    assert "20" in answer.out


def flip(path, needle):
    """One bit of the octets behind the needle."""
    with open(path, "r+b") as segment:
        data = segment.read()
        at = data.index(needle) + len(needle)
        segment.seek(at)
        segment.write(bytes([data[at] ^ 4]))


def test_82_flipped_bit_costs_one_message_and_is_named(pair):
    gateway, sink, crowd = queue_some(pair)
    mark, (id, _) = list(crowd.acknowledged.items())[10]
    flip(segments(gateway)[0], b"X-Crowd: %s\r\nFrom: cr" % mark.encode())
    answer = gateway.check("--check-spool")
    assert answer.code == 65 and re.search(r"checksum|damage|bad", answer.out + answer.err), answer.out + answer.err
    gateway.start()
    gateway.ctl("queue", "retry", "--all")
    wait_for(lambda: len(arrived(sink)) == 19, 15, lambda: "the others: %d" % len(arrived(sink)))
    assert mark not in arrived(sink), "an altered message was sent"
    assert gateway.status()["spool"]["damaged"] >= 1
    assert os.listdir(os.path.join(gateway.state, "spool", "quarantine"))
    text = gateway.log_text()
    assert re.search(r"(warning|error) .*(damage|quarantine|checksum)", text), text[-2000:]


@pytest.mark.parametrize("damage", ["cut", "zero length", "zeroes at the end", "foreign file", "garbage segment"])
def test_82_damaged_files_are_survived(pair, damage):
    gateway, sink, crowd = queue_some(pair)
    path = segments(gateway)[0]
    folder = os.path.dirname(path)
    lost = 0
    if damage == "cut":
        with open(path, "rb") as segment:
            end = segment.read().rindex(b"X-Crowd: ")
        os.truncate(path, end + 3)
        lost = 1
    elif damage == "zero length":
        open(os.path.join(folder, "ffffffffffffff99.seg"), "w").close()
        open(re.sub(r"\d(?=[^\d]*$)", "9", path) if not os.path.exists(re.sub(r"\d(?=[^\d]*$)", "9", path)) else path + "x", "w").close()
    elif damage == "zeroes at the end":
        with open(path, "ab") as segment:
            segment.write(b"\0" * 5000)
    elif damage == "foreign file":
        with open(os.path.join(folder, "README"), "w") as out:
            out.write("not yours\n" * 1000)
    else:
        with open(re.sub(r"\d(?=[^\d]*$)", "9", path), "wb") as out:
            out.write(random.Random(1).randbytes(70000))
    gateway.start()
    gateway.ctl("queue", "retry", "--all")
    wait_for(lambda: len(arrived(sink)) >= 20 - lost, 15, lambda: "the others: %d, %r" % (len(arrived(sink)), gateway.queue()[:2]))
    if damage == "foreign file":
        assert os.path.exists(os.path.join(folder, "README"))
    check = {mark: texts for mark, texts in arrived(sink).items()}
    assert all(crowd.acknowledged[mark][1] == texts[0] for mark, texts in check.items())


def test_86_spool_moved_to_another_place_runs(pair, new_gateway):
    gateway, sink, crowd = queue_some(pair)
    other = new_gateway()
    open_relay(other, "out").relay("out", sink)
    os.rmdir(other.state)
    os.rename(gateway.state, other.state)
    other.start()
    other.ctl("queue", "retry", "--all")
    settle(other, crowd, sink)


# --- the log ---

def test_88_blocked_log_pipe_stops_no_mail(pair):
    read, write = os.pipe()
    fcntl.fcntl(write, 1031, 4096)  # F_SETPIPE_SZ
    try:
        gateway, sink = pair(start={"stderr": os.fdopen(write, "wb", 0)})
        crowd = Crowd(gateway, clients=4, most=100).start().join()
        assert crowd.done == 400
        settle(gateway, crowd, sink)
        assert gateway.counter("log_lines_dropped") >= 0
    finally:
        os.close(read)
    assert gateway.stop() == 0


def test_88_full_log_disk_stops_no_mail(pair, small_disk):
    disk = small_disk("size=64k")
    gateway, sink = pair(settings={"log.path": disk + "/log"})
    crowd = Crowd(gateway, clients=4, most=100).start().join()
    assert crowd.done == 400
    settle(gateway, crowd, sink)
