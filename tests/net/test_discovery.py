"""Nodes find each other by multicast DNS, with avahi-daemon and without, whatever happens to it and to the cables."""
import time

import pytest

from lan import Lan
from probe import Probe


@pytest.fixture
def probe(build):
    """probe(HOST, ...): start one; all end well."""
    probes = []

    def start(host, *args, **options):
        probes.append(Probe(build("tests/net/discovery_probe"), host, *args, **options))
        return probes[-1]
    yield start
    for one in probes:
        if one.process.popen.poll() is None:
            one.quit()


def now():
    return time.monotonic()


def two(lan, probe, first_mode, second_mode):
    """Two hosts; the second one starts when the first one has settled: has been seen by a third, whose questions are answered and over. An answer
    that was heard by all is not given again within a second (RFC 6762, section 6), which is nobody's delay but the test's."""
    hosts = lan.host("elm"), lan.host("oak")
    for host, mode in zip(hosts, (first_mode, second_mode)):
        if mode == "daemon":
            host.daemon()
    first = probe(hosts[0], first_mode)
    witness = probe(lan.host("witness"), "embedded")
    witness.sees(first)
    first.sees(witness)
    witness.quit()
    first.misses(witness)
    time.sleep(1)
    return first, probe(hosts[1], second_mode)


@pytest.mark.parametrize("first_mode, second_mode", [("embedded", "embedded"), ("daemon", "daemon"), ("daemon", "embedded"), ("embedded", "daemon")])
def test_two_find_each_other(lan, probe, measured, first_mode, second_mode):
    first, second = two(lan, probe, first_mode, second_mode)
    seen = second.sees(first)
    measured("%s sees %s that is there already" % (second_mode, first_mode), "%.2f s" % (seen["t"] - second.started))
    assert seen["port"] == 5273 and seen["interface"] == "eth0" and seen["filter"] == 256
    measured("%s is seen by %s" % (second_mode, first_mode), "%.2f s" % (first.sees(second)["t"] - second.started))
    # Both over IPv4 and IPv6.
    assert first.sees(second, family="inet")["host"] == second.host.address
    assert first.sees(second, family="inet6")["host"] == second.host.link_local() + "%eth0"
    assert second.sees(first, family="inet6")["host"] == first.host.link_local() + "%eth0"


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_two_that_start_together(lan, probe, measured, mode):
    hosts = lan.host("elm"), lan.host("oak")
    if mode == "daemon":
        for host in hosts:
            host.daemon()
    probes = [probe(host, mode) for host in hosts]
    for one, other in (probes, probes[::-1]):
        measured("%s: one of two that start together sees the other" % mode, "%.2f s" % (one.sees(other)["t"] - max(p.started for p in probes)))


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_a_goodbye_is_heard(lan, probe, measured, mode):
    first, second = two(lan, probe, "embedded", mode)
    first.sees(second, family="inet")
    first.sees(second, family="inet6")
    asked = now()
    second.quit()
    measured("%s: end of a node that is asked to" % mode, "%.2f s" % (now() - asked))
    measured("%s: its goodbye is heard" % mode, "%.2f s" % (first.misses(second)["t"] - asked))
    first.misses(second, family="inet")
    first.misses(second, family="inet6")
    assert first.seen_now() == set()


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_a_new_note_is_heard_and_the_last_one_wins(lan, probe, measured, mode):
    first, second = two(lan, probe, mode, "embedded")
    second.sees(first)
    second.sees(first, family="inet6")
    begun = now()
    for generation in range(1, 11):
        first.announce(generation, blobs=generation * 10)
        time.sleep(0.3)  # the pace of the announcements is what is tried here
    asked = now()
    measured("%s: a new note is heard" % mode, "%.2f s after the last of ten, 0.3 s apart" % (second.sees(first, generation=10)["t"] - asked))
    assert second.sees(first, generation=10, family="inet6")["blobs"] == 100
    heard = [event for event in second.events() if event["event"] == "seen" and event["t"] > begun and event["family"] == "inet"]
    assert 1 <= len(heard) <= 4
    assert not [event for event in second.events() if event["event"] == "gone" and event["node"] == first.node]


def test_avahi_daemon_is_killed_and_started_again(lan, probe, measured):
    a, b = lan.host("elm"), lan.host("oak")
    avahi = a.daemon()
    first, second = probe(a, "auto"), probe(b, "embedded")
    assert first.wait("mode")["mode"] == "avahi-daemon"
    first.sees(second)
    second.sees(first)
    first.announce(1)
    second.sees(first, generation=1)
    avahi.kill()
    first.announce(2)
    again = now()
    a.daemon()
    measured("a new note is heard after avahi-daemon was killed and started", "%.2f s" % (second.sees(first, generation=2)["t"] - again))
    first.wait("mode", since=again, mode="avahi-daemon")
    assert not [event for event in first.events() if event["event"] == "gone"], "what was seen stays seen"


def test_avahi_daemon_comes_and_goes(lan, probe, measured):
    """AUTO changes over when the daemon has gone for good, and back when it has come."""
    a, b = lan.host("elm"), lan.host("oak")
    first, second = probe(a, "auto"), probe(b, "embedded")
    assert first.wait("mode")["mode"] == "built in"
    second.sees(first)
    avahi = a.daemon()
    begun = now()
    changed = first.wait("mode", since=begun, within=40, mode="avahi-daemon")["t"]
    measured("avahi-daemon is taken over to after its start", "%.1f s" % (changed - begun))
    first.announce(6)
    second.sees(first, generation=6)
    begun = now()
    avahi.kill()
    first.announce(7)
    measured("avahi-daemon is given up after its end", "%.1f s" % (first.wait("mode", since=begun, mode="built in")["t"] - begun))
    second.sees(first, generation=7)
    first.quit()
    second.misses(first, since=begun)


def test_two_on_one_host_called_the_same(lan, probe):
    a, b = lan.host("elm"), lan.host("oak")
    first, second = probe(a, "embedded", port=5001), probe(a, "embedded", port=5002)
    third = probe(b, "embedded")
    for one, other in ((first, second), (second, first), (third, first), (third, second), (first, third), (second, third)):
        one.sees(other)
    assert third.sees(second)["port"] == 5002 and third.sees(first)["port"] == 5001


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_two_in_one_process(lan, build, mode):
    host = lan.host("elm")
    if mode == "daemon":
        host.daemon()
    pair = host.start(build("tests/net/discovery_pair"), mode)
    assert pair.wait() == 0, pair


def test_embedded_beside_avahi_daemon(lan, probe):
    a, b = lan.host("elm"), lan.host("oak")
    a.daemon()
    probes = [probe(a, "daemon"), probe(a, "embedded"), probe(b, "embedded")]
    for one in probes:
        for other in probes:
            if one is not other:
                one.sees(other)
                one.sees(other, family="inet6")
    # Nobody renames himself over and over: the machine still has its name.
    assert "elm.local" in a.run("dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.Avahi", "/",
                                 "org.freedesktop.Avahi.Server.GetHostNameFqdn")


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_a_cloned_machine_is_seen_under_another_name(lan, probe, mode):
    a, b, c = lan.host("clone"), lan.host("clone"), lan.host("ash")
    if mode == "daemon":
        a.daemon()
        b.daemon()
    first, third = probe(a, mode, node="00c10000000000ed"), probe(c, "embedded")
    third.sees(first)
    second = probe(b, mode, node="00c10000000000ed")
    first.sees(second)
    second.sees(first)
    third.sees(second, host=b.address)
    first.announce(1)  # whoever had to give way has done so by then
    second.announce(1)
    names = {third.sees(one, generation=1, host=one.host.address)["name"] for one in (first, second)}
    assert names == {"clone (00c10000)", "clone (00c10000) #2"}


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_nobody_sees_himself(lan, probe, mode):
    first, second = two(lan, probe, mode, mode)
    first.sees(second)
    second.sees(first)
    first.announce(1)
    second.sees(first, generation=1)
    for one in (first, second):
        assert not [event for event in one.events() if event["event"] == "seen" and event["node"] == one.node]


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_ipv6_alone_is_enough(probe, mode):
    with Lan(ipv4=False) as lan:
        first, second = two(lan, probe, mode, mode)
        assert second.sees(first)["host"] == first.host.link_local() + "%eth0"
        assert first.sees(second)["host"] == second.host.link_local() + "%eth0"


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_ipv4_alone_is_enough(probe, mode):
    with Lan(ipv6=False) as lan:
        first, second = two(lan, probe, mode, mode)
        assert second.sees(first)["host"] == first.host.address
        assert first.sees(second)["host"] == second.host.address


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_a_host_on_two_networks_is_seen_on_both(lan, probe, mode):
    with Lan() as other:
        a, b, c = lan.host("elm"), lan.host("oak"), other.host("ash")
        other.attach(a)
        if mode == "daemon":
            a.daemon()
        first, second, third = probe(a, mode), probe(b, "embedded"), probe(c, "embedded")
        assert second.sees(first, family="inet")["host"] == a.addresses["eth0"]
        assert third.sees(first, family="inet")["host"] == a.addresses["eth1"]
        assert first.sees(second, family="inet")["interface"] == "eth0"
        assert first.sees(third, family="inet")["interface"] == "eth1"
        assert first.sees(third, family="inet6")["host"] == c.link_local() + "%eth1"


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_interfaces_that_lead_to_no_lan_are_left_alone(lan, probe, mode):
    with Lan() as other:
        a, b = lan.host("elm"), other.host("oak")
        interface = other.attach(a)
        a.ip("link", "set", interface, "down")
        a.ip("link", "set", interface, "name", "docker0")
        a.ip("link", "set", "docker0", "up")
        if mode == "daemon":
            a.daemon()
        second = probe(b, "embedded")
        first, listed = probe(a, mode, name="plain"), probe(a, mode, name="listed", interfaces=["docker0"])
        second.sees(listed)
        listed.sees(second)
        witness = probe(lan.host("ash"), "embedded")
        first.sees(witness)
        witness.sees(first)
        assert not {event["interface"] for event in first.events() if event["event"] == "seen"} - {"eth0"}
        assert not [event for event in second.events() if event["event"] == "seen" and event["node"] == first.node]
        assert not [event for event in witness.events() if event["event"] == "seen" and event["node"] == listed.node]


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_the_cable_is_out_for_a_while(lan, probe, measured, mode):
    first, second = two(lan, probe, mode, "embedded")
    first.sees(second, family="inet")
    second.sees(first, family="inet")
    pulled = now()
    first.host.unplug()
    measured("%s: a pulled cable is noticed at this end" % mode, "%.2f s" % (first.misses(second)["t"] - pulled))
    first.announce(5)  # nobody hears it
    newcomer = probe(lan.host("ash"), "embedded")
    second.sees(newcomer)
    out = 15 if mode == "embedded" else 4
    time.sleep(max(0, pulled + out - now()))  # the time out is what is tried here
    again = now()
    first.host.plug()
    measured("%s: after %d s without a cable, the other is seen" % (mode, out), "%.2f s" % (first.sees(second, since=again)["t"] - again))
    measured("%s: ... one that came in the meantime is seen" % mode, "%.2f s" % (first.sees(newcomer, since=again)["t"] - again))
    measured("%s: ... a new note is heard" % mode, "%.2f s" % (second.sees(first, generation=5)["t"] - again))
    newcomer.sees(first)


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_a_cable_that_comes_late(lan, probe, measured, mode):
    a, b = lan.host("elm", plugged=False), lan.host("oak")
    if mode == "daemon":
        a.daemon()
    second, first = probe(b, "embedded"), probe(a, mode)
    first.wait("mode")
    begun = now()
    a.plug()
    measured("%s: a node whose cable comes late sees" % mode, "%.2f s" % (first.sees(second)["t"] - begun))
    measured("%s: ... and is seen" % mode, "%.2f s" % (second.sees(first)["t"] - begun))


@pytest.mark.parametrize("mode", ["embedded", "daemon"])
def test_a_new_address_is_heard(lan, probe, measured, mode):
    first, second = two(lan, probe, mode, "embedded")
    second.sees(first, family="inet")
    begun = now()
    old = first.host.address
    new = old.rsplit(".", 1)[0] + ".200"
    first.host.ip("addr", "del", old + "/24", "dev", "eth0")
    first.host.ip("addr", "add", new + "/24", "dev", "eth0")
    measured("%s: a changed address is heard" % mode, "%.2f s" % (second.sees(first, since=begun, family="inet", host=new)["t"] - begun))


def test_refresh_asks_anew(lan, probe):
    """It changes nothing of what is known."""
    first, second = two(lan, probe, "embedded", "embedded")
    first.sees(second, family="inet6")
    first.sees(second, family="inet")
    first.refresh()
    third = probe(lan.host("ash"), "embedded")
    first.sees(third)
    assert (second.node, second.epoch, "eth0", "inet") in first.seen_now()
    second.quit()
    first.misses(second)
