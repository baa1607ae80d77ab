"""The embedded servers start anywhere, start once, and leave no orphan."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from billing_portal.embedded import child, postgres, valkey
from billing_portal.testing import wait_until

pytestmark = pytest.mark.skipif(not child.LINUX, reason="death signals and /proc are Linux's")
STOP = {postgres: signal.SIGINT, valkey: signal.SIGTERM}
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def data(tmp_path):
    """A folder whose name would break what is not quoted."""
    return tmp_path / "it's my data" / ("deep" * 25)


@pytest.fixture(params=[postgres, valkey], ids=["postgres", "valkey"])
def server(request):
    return request.param


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_it_starts_once_answers_and_stops(server, data):
    process = server.start(data)
    assert process
    assert server.alive(data)
    assert server.start(data) is None, "the second starter finds the first one's server"
    child.stop(process, STOP[server])
    assert process.returncode == 0
    assert not server.alive(data)


def test_its_socket_is_ours_alone_and_nothing_listens_on_tcp(data):
    database, broker = postgres.start(data), valkey.start(data)
    try:
        run = child.run_dir(data)
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        assert len(str(valkey.socket(data))) < 108
        for process in (database, broker):
            inodes = {str(f.readlink()) for f in Path(f"/proc/{process.pid}/fd").iterdir()}
            tcp = Path(f"/proc/{process.pid}/net/tcp").read_text() + Path(f"/proc/{process.pid}/net/tcp6").read_text()
            assert not [
                row for row in tcp.splitlines() if len(row.split()) > 9 and f"socket:[{row.split()[9]}]" in inodes
            ]
    finally:
        child.stop(database)
        child.stop(broker, signal.SIGTERM)


def test_the_last_to_end_takes_the_folder_of_the_sockets_along(data):
    database, broker, run = postgres.start(data), valkey.start(data), child.run_dir(data)
    child.stop(broker, signal.SIGTERM)
    assert run.exists(), "the database lives in it"
    child.stop(database)
    assert not run.exists()


@pytest.mark.parametrize("other", child.SERVERS)
def test_the_folder_stays_for_somebody_who_starts_at_this_moment(data, other):
    broker, run = valkey.start(data), child.run_dir(data)
    with child.starting(data, other):
        child.stop(broker, signal.SIGTERM)
        assert run.exists()
    child.stop(valkey.start(data), signal.SIGTERM)
    assert not run.exists()


def test_it_starts_again_at_once_after_kill_9(server, data):
    process = server.start(data)
    process.kill()  # and not waited for: a zombie still looks alive by its pid
    again = server.start(data)
    assert again
    process.wait()
    child.stop(again, STOP[server])


def test_it_ends_with_its_starter_even_by_kill_9(server, data):
    program = textwrap.dedent(f"""
        import pathlib, time
        from billing_portal.embedded import {server.__name__.rsplit(".", 1)[1]} as server
        print(server.start(pathlib.Path({str(data)!r})).pid, flush=True)
        time.sleep(60)
    """)
    starter = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with starter:
        pid = int(starter.stdout.readline())
        assert not gone(pid)
        starter.kill()
    wait_until(lambda: gone(pid))
    again = server.start(data)
    assert again
    child.stop(again, STOP[server])


def test_what_was_committed_is_there_after_a_restart(data):
    process = postgres.start(data)
    assert postgres.create_database(data, "books")
    assert not postgres.create_database(data, "books")
    with psycopg.connect(postgres.url(data, "books")) as connection:
        connection.execute("CREATE TABLE fact AS SELECT uuidv7() AS id")
    child.stop(process)
    process = postgres.start(data)
    with psycopg.connect(postgres.url(data, "books")) as connection:
        assert connection.execute("SELECT count(*) FROM fact").fetchone() == (1,)
    child.stop(process)


def test_failing_statements_do_not_reach_the_log(data):
    process = postgres.start(data)
    with psycopg.connect(postgres.url(data, "postgres")) as connection, pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1/0 AS canary")
    child.stop(process)
    assert "canary" not in (data / "postgres.log").read_text()


def test_a_folder_that_somebody_put_in_our_place_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(child.CannotStart, match="another user"):
        child.private_folder(tmp_path / "run", owner=os.geteuid(), group=os.getegid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_data_of_another_user_is_refused_with_its_name(tmp_path):
    (tmp_path / "postgres").mkdir()
    os.chown(tmp_path / "postgres", 65534, 65534)
    with pytest.raises(child.CannotStart, match=str(tmp_path / "postgres")):
        postgres.start(tmp_path)


def test_without_the_wheel_it_says_what_to_install(monkeypatch, server, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(child.CannotStart, match=r"requirements-dev\.txt"):
        server.start(tmp_path)
