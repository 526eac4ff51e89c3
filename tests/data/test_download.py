"""Finding and fetching raw files: nothing here leaves this machine."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rnnlab.data import download
from rnnlab.data.download import RemoteFile, file_sha256, found, locate
from rnnlab.exceptions import UserError

CONTENT = b"what was published" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RNNLAB_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    """Address of a local server of a folder that holds "published.bin"."""
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "published.bin").write_bytes(CONTENT)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))
    ) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def remote(url: str, known_hash: str | None = f"sha256:{SHA256}") -> RemoteFile:
    return RemoteFile("published.bin", url, known_hash, terms="free")


def downloads():
    folder = download.downloads_folder()
    return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize(
    "known_hash",
    [f"sha256:{SHA256}", f"md5:{hashlib.md5(CONTENT).hexdigest()}", None],
    ids=["sha256", "md5", "none"],
)
def test_a_missing_file_is_fetched_once_and_kept(server, known_hash, capsys):
    file = remote(f"{server}/published.bin", known_hash)
    assert found(file) is None
    path = locate(file)
    assert path.read_bytes() == CONTENT
    assert downloads() == [path]
    output = capsys.readouterr()
    assert output.out == ""
    assert "fetching published.bin" in output.err
    assert locate(remote("http://127.0.0.1:9/gone")) == path


def test_another_hash_is_refused_and_nothing_stays(server):
    with pytest.raises(UserError) as refused:
        locate(remote(f"{server}/published.bin", "sha256:" + "0" * 64))
    message = str(refused.value)
    assert "published.bin" in message
    assert SHA256 in message
    assert "0" * 64 in message
    assert "\n" not in message
    assert downloads() == []


def test_an_answer_that_is_an_error_is_named(server):
    with pytest.raises(UserError, match="answered 404"):
        locate(remote(f"{server}/absent.bin"))
    assert downloads() == []


def test_without_a_network_one_line_says_which_file_to_put_where():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/published.bin"
        with pytest.raises(UserError, match="no connection") as refused:
            locate(remote(url))
    message = str(refused.value)
    assert "\n" not in message
    for part in ("published.bin", "RNNLAB_DATA", str(download.downloads_folder()), url):
        assert part in message
    assert downloads() == []


def test_a_transfer_that_breaks_off_leaves_nothing(tmp_path):
    class BreaksOff(QuietHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:100])

    with ThreadingHTTPServer(("127.0.0.1", 0), BreaksOff) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with pytest.raises(UserError, match="could not be fetched"):
                locate(remote(f"http://127.0.0.1:{served.server_port}/published.bin", None))
        finally:
            served.shutdown()
            thread.join()
    assert downloads() == []


def test_nothing_is_fetched_where_that_is_not_wanted():
    with pytest.raises(UserError, match="not on this machine"):
        locate(remote("http://127.0.0.1:9/published.bin"), fetch=False)


def test_the_mirror_goes_before_the_cache_and_its_hash_is_not_checked(tmp_path, monkeypatch):
    cached = download.downloads_folder() / "published.bin"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cached")
    assert found(remote("")) == cached
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("RNNLAB_DATA", str(mirror))
    assert found(remote("")) == cached
    (mirror / "published.bin").write_bytes(b"packed again")
    assert locate(remote("")) == mirror / "published.bin"


def test_a_mirror_that_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLAB_DATA", str(tmp_path / "absent"))
    with pytest.raises(UserError, match="RNNLAB_DATA"):
        found(remote(""))


def test_the_cache_is_the_users_by_default(monkeypatch):
    monkeypatch.delenv("RNNLAB_CACHE")
    assert download.cache_root().name == "rnnlab"
    assert download.cache_root().is_absolute()


def test_a_hash_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert file_sha256(path) == SHA256

    with monkeypatch.context() as patched:
        patched.setattr(download, "sha256_file", lambda path: pytest.fail("hashed again"))
        assert file_sha256(path) == SHA256

    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(1, 1))
    assert file_sha256(path) == hashlib.sha256(CONTENT[::-1]).hexdigest()


@pytest.mark.parametrize(
    "memo", [b"", b"{", b"[]", b"\xff", b'{"PATH": 3}', b'{"PATH": [1, 2, 3]}']
)
def test_a_damaged_memory_of_hashes_is_made_anew(tmp_path, memo):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    memo_path = download.cache_root() / "file-hashes.json"
    memo_path.parent.mkdir()
    memo_path.write_bytes(memo.replace(b"PATH", str(path).encode()))
    assert file_sha256(path) == SHA256
    assert SHA256 in memo_path.read_text()


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "occupied").write_bytes(b"")
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "occupied"))
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert file_sha256(path) == SHA256
