"""Archives that are honest, damaged or hostile."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile

import pytest

from rnnlab.data.archives import Limits, iterate_tar, iterate_zip
from rnnlab.exceptions import UserError

FILES = {"folder/one.txt": b"one", "folder/empty.txt": b"", "two.txt": b"2" * 1000}
LONG_NAME = "folder/" + "é" * 120 + "/" + "x" * 120 + ".txt"


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.type = kind
    return info


def write_tar(path, files, *extra: tarfile.TarInfo, form: int = tarfile.USTAR_FORMAT):
    with tarfile.open(path, "w:gz", format=form) as archive:
        for name, data in files.items():
            archive.addfile(member(name, len(data)), io.BytesIO(data))
        for info in extra:
            archive.addfile(info)
    return path


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def error_of(members) -> str:
    with pytest.raises(UserError) as refused:
        list(members)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_of_any_format_gives_its_files_in_order(tmp_path, form):
    files = FILES if form == tarfile.USTAR_FORMAT else {**FILES, LONG_NAME: b"long", "z": b"after"}
    folder = member("folder", kind=tarfile.DIRTYPE)
    folder.mtime = 0.5  # a pax header of its own
    path = write_tar(tmp_path / "a.tar.gz", files, folder, form=form)
    assert list(iterate_tar(path)) == list(files.items())


def test_a_name_split_over_two_fields_is_joined(tmp_path):
    name = "a" * 90 + "/" + "b" * 90
    path = write_tar(tmp_path / "a.tar.gz", {name: b"x"})
    assert dict(iterate_tar(path)) == {name: b"x"}


def test_a_leading_dot_is_dropped_and_unwanted_members_are_passed_over(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", {"./a": b"1", "./b": b"2" * 5000, "./c": b"3"})
    assert list(iterate_tar(path, lambda name: name != "b")) == [("a", b"1"), ("c", b"3")]
    path = write_zip(tmp_path / "a.zip", FILES)
    assert dict(iterate_zip(path, FILES.__contains__)) == FILES
    assert list(iterate_zip(path, lambda name: name == "two.txt")) == [("two.txt", b"2" * 1000)]


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/etc/passwd", "..", "C:/out", "a\\..\\..\\out"]
)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_member_that_leaves_its_folder_is_named(tmp_path, name, kind):
    if kind == "tar":
        members = iterate_tar(write_tar(tmp_path / "a.tar.gz", {"fine": b"", name: b"x"}))
    else:
        members = iterate_zip(write_zip(tmp_path / "a.zip", {"fine": b"", name: b"x"}))
    message = error_of(members)
    assert f"'{name}'" in message
    assert "leaves" in message
    assert not (tmp_path.parent / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_special_file_in_a_tar_is_refused(tmp_path, kind):
    info = member("innocent.txt", kind=kind)
    info.linkname = "../secret"
    message = error_of(iterate_tar(write_tar(tmp_path / "a.tar.gz", FILES, info)))
    assert "'innocent.txt', which is a link or a special file" in message


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("innocent.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "../secret")
    assert "'innocent.txt', which is a link" in error_of(iterate_zip(path))


def test_a_huge_declared_size_is_refused_before_it_is_read(tmp_path):
    header = member("huge.bin", size=8 << 30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header))
    assert "damaged" in error_of(iterate_tar(path))  # 8 GiB do not fit an octal field
    path.write_bytes(gzip.compress(member("huge.bin", size=1 << 32).tobuf()))
    assert "'huge.bin' of 4,294,967,296 bytes" in error_of(iterate_tar(path))


def test_a_huge_extra_header_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(member("x", size=1 << 32, kind=tarfile.XHDTYPE).tobuf()))
    assert "header of 4,294,967,296 bytes" in error_of(iterate_tar(path))


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(num_members=2), "more than 2 members"),
        (Limits(member_bytes=999), "'two.txt' of 1,000 bytes"),
        (Limits(total_bytes=1002), "more than 1,002 bytes"),
    ],
)
def test_limits_hold(tmp_path, limits, what):
    tar, packed = write_tar(tmp_path / "a.tar.gz", FILES), write_zip(tmp_path / "a.zip", FILES)
    assert what in error_of(iterate_tar(tar, limits=limits))
    assert what in error_of(iterate_zip(packed, limits=limits))


def test_what_follows_the_end_of_a_tar_is_bounded(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(1 << 21)))
    assert dict(iterate_tar(path)) == FILES
    assert "unpacks to more" in error_of(iterate_tar(path, limits=Limits(total_bytes=1 << 20)))


def test_a_zip_unpacks_no_more_than_it_declares(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"bomb": b"0" * 1_000_000})
    data = path.read_bytes().replace(struct.pack("<L", 1_000_000), struct.pack("<L", 10))
    path.write_bytes(data)
    assert "damaged" in error_of(iterate_zip(path))  # ten bytes, and then the CRC is wrong


@pytest.mark.parametrize("keep", [0, 5, 30, -200, -9, -1])
def test_an_archive_cut_short_is_named_with_a_remedy(tmp_path, keep):
    files = {f"{i}.txt": str(i).encode() * i for i in range(500)}
    tar, packed = write_tar(tmp_path / "a.tar.gz", files), write_zip(tmp_path / "a.zip", files)
    tar.write_bytes(tar.read_bytes()[:keep])
    packed.write_bytes(packed.read_bytes()[:keep])
    for members in (iterate_tar(tar), iterate_zip(packed)):
        message = error_of(members)
        assert str(tmp_path) in message
        assert "delete it and fetch it again" in message


def test_a_tar_cut_short_before_it_was_compressed_is_noticed(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:512]))
    assert "damaged or cut short" in error_of(iterate_tar(path))


def test_every_damaged_byte_of_a_header_is_noticed(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES)
    plain = gzip.decompress(path.read_bytes())
    for position in range(1024, 1536):  # the second member's header
        damaged = plain[:position] + bytes([plain[position] ^ 1]) + plain[position + 1 :]
        path.write_bytes(gzip.compress(damaged, compresslevel=1))
        assert "damaged" in error_of(iterate_tar(path))


def test_a_damaged_crc_is_noticed(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES)
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    assert "CRC" in error_of(iterate_tar(path))


def test_a_member_that_comes_twice_is_refused(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES, member("./two.txt"))
    assert "'two.txt' twice" in error_of(iterate_tar(path))


def test_an_encrypted_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": b"x"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in error_of(iterate_zip(path))


def test_an_absent_archive_is_named(tmp_path):
    assert "absent.tar.gz cannot be read" in error_of(iterate_tar(tmp_path / "absent.tar.gz"))
    assert "absent.zip cannot be read" in error_of(iterate_zip(tmp_path / "absent.zip"))


def test_a_reader_may_stop_early(tmp_path):
    members = iterate_tar(write_tar(tmp_path / "a.tar.gz", FILES))
    assert next(members) == ("folder/one.txt", b"one")
    members.close()
