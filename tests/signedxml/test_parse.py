"""Rows 3 to 5 and 13: one parse, of plain XML only, within bounds, never touching file or network."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml import MESSAGE_LIMIT, parse_document, parse_message
from tests.signedxml.samples import authn_request, logout_request, metadata

_BOTH = pytest.mark.parametrize("parse", [parse_message, parse_document])
_MESSAGES = pytest.mark.parametrize("text", [authn_request(), logout_request(), metadata()])


def test_case_04_entities_open_no_file_and_no_address(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        for place in (secret.as_uri(), address):
            for subset in (
                f'<!DOCTYPE a SYSTEM "{place}"><a/>',
                f'<!DOCTYPE a [<!ENTITY e SYSTEM "{place}">]><a>&e;</a>',
                f'<!DOCTYPE a [<!ENTITY % e SYSTEM "{place}"> %e;]><a/>',
                f'<!DOCTYPE a PUBLIC "x" "{place}"><a/>',
                f'<include xmlns="http://www.w3.org/2001/XInclude" href="{place}" parse="text"/>',
            ):
                for parse in (parse_message, parse_document):
                    _refused_or_untouched(parse, subset)
        with pytest.raises(TimeoutError):
            server.accept()


def _refused_or_untouched(parse, text: str) -> None:
    try:
        root = parse(text.encode())
    except BadMessage:
        return
    assert "DOCTYPE" not in text
    assert "the secret" not in etree.tostring(root).decode()


@_BOTH
@_MESSAGES
@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE a>",
        "<!DOCTYPE a []>",
        '<!DOCTYPE a [<!ENTITY e "x">]>',
        '<!DOCTYPE a SYSTEM "x.dtd">',
        "<!DOCTYPE a [<!ATTLIST a ID ID #IMPLIED>]>",
    ],
)
def test_case_05_doctype(parse, text: str, doctype: str) -> None:
    parse(text.encode())
    for data in (doctype + text, f'<?xml version="1.0"?>\n{doctype}\n{text}'):
        with pytest.raises(BadMessage, match="DOCTYPE"):
            parse(data.encode())


@_BOTH
@pytest.mark.parametrize(
    "encoding", ["utf-7", "utf-16-le", "utf-16-be", "utf-32", "cp037", "cp500", "utf-8-sig"]
)
def test_case_05_doctype_in_another_encoding(parse, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'
    with pytest.raises(BadMessage):
        parse(text.encode(encoding))


@_BOTH
def test_case_05_declared_encoding_is_not_believed(parse) -> None:
    hidden = b'<?xml version="1.0" encoding="utf-7"?><a>+ADwAIQ-DOCTYPE a+AD4-</a>'
    assert parse(hidden).text == "+ADwAIQ-DOCTYPE a+AD4-"
    assert parse('<?xml version="1.0" encoding="iso-8859-1"?><a>ä</a>'.encode()).text == "ä"
    with pytest.raises(BadMessage):
        parse('<?xml version="1.0" encoding="iso-8859-1"?><a>ä</a>'.encode("latin-1"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_metadata_as_editors_on_windows_write_it(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="utf-8"?>\r\n{metadata()}'.replace("sp.example", "späti.example")
    assert "späti" in parse_document(text.encode(encoding)).get("entityID")


def test_metadata_with_half_a_character() -> None:
    with pytest.raises(BadMessage):
        parse_document(b"\xff\xfe<\x00a")


@pytest.mark.parametrize("inserted", ["<!-- x -->", "<!---->", "<?x y?>", "<?xml-stylesheet href='x'?>"])
@pytest.mark.parametrize("place", ["before", "inside", "after"])
def test_case_13_comments_and_instructions_in_messages(inserted: str, place: str) -> None:
    text = authn_request()
    data = {
        "before": inserted + text,
        "inside": text.replace("https://sp.example/<", f"https://sp{inserted}.example/<"),
        "after": text + inserted,
    }[place]
    assert inserted in data
    with pytest.raises(BadMessage, match=r"comment|instruction"):
        parse_message(data.encode())


def test_case_13_text_around_a_comment_in_metadata_is_one_text() -> None:
    root = parse_document(
        b"<!-- a --><?b c?><a>one<!-- x -->two<?y z?>three<b/>four<!-- w -->five</a><!-- d -->"
    )
    assert (root.text, root[0].tail, len(root)) == ("onetwothree", "fourfive", 1)
    assert root.getprevious() is None
    assert root.getnext() is None


def test_declaration_is_no_instruction() -> None:
    for head in (
        '<?xml version="1.0"?>',
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n',
        "<?xml\tversion='1.0'?>",
    ):
        assert parse_message((head + authn_request()).encode()).get("ID")


@_BOTH
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a/>text",
        b"<a b=1/>",
        b'<a b="1" b="2"/>',
        b"<a>&nbsp;</a>",
        b"<a>\x00</a>",
        b"<a>&#0;</a>",
        b"<a>&#xD800;</a>",
        b"<a>\xff</a>",
        b"<a>\xc0\xbc</a>",
        b"<a:b/>",
        b'<a b:c="1"/>',
        b'<a xmlns:b=""/>',
        b'<a xmlns:xml="urn:x"/>',
        b"<!ELEMENT a ANY><a/>",
        b"<![CDATA[x]]>",
        b'<?xml version="1.0"?><?xml version="1.0"?><a/>',
    ],
)
def test_what_is_not_xml(parse, data: bytes) -> None:
    with pytest.raises(BadMessage):
        parse(data)


@_BOTH
@given(data=st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(parse, data: bytes) -> None:
    try:
        assert isinstance(parse(data).tag, str)
    except BadMessage:
        return


_PIECES = st.sampled_from(
    [
        *("<a>", "</a>", "<a/>", "<b xmlns:p='urn:q' p:r=''>", "</b>", " xmlns='urn:u'"),
        *("<!--", "-->", "<?", "?>", "<![CDATA[", "]]>", "<!DOCTYPE a [", "]>"),
        *("&lt;", "&#60;", "&#13;", "&e;", "x", '"', "\n", "\ufeff", "é"),
    ]
)


@_BOTH
@given(pieces=st.lists(_PIECES, max_size=20))
def test_any_markup_is_parsed_or_refused(parse, pieces: list[str]) -> None:
    data = f"<a>{''.join(pieces)}</a>".encode()
    try:
        root = parse(data)
    except BadMessage:
        return
    assert all(isinstance(element.tag, str) for element in root.iter())
    assert root.getroottree().docinfo.doctype == ""


@given(st.lists(_PIECES, max_size=20))
def test_what_was_parsed_reads_the_same_when_parsed_again(pieces: list[str]) -> None:
    try:
        root = parse_message(f"<a>{''.join(pieces)}</a>".encode())
    except BadMessage:
        return
    again = parse_message(etree.tostring(root))
    assert etree.tostring(again, method="c14n") == etree.tostring(root, method="c14n")


def test_case_03_bounds_are_exact() -> None:
    parse_message(b"<a>" * 32 + b"</a>" * 32)
    with pytest.raises(BadMessage, match="depth"):
        parse_message(b"<a>" * 33 + b"</a>" * 33)
    attributes = [f'a{n}="1"' for n in range(33)]
    parse_message(f"<a><b {' '.join(attributes[:32])}/></a>".encode())
    with pytest.raises(BadMessage, match="attributes"):
        parse_message(f"<a><b {' '.join(attributes)}/></a>".encode())
    parse_message(b"<a>" + b"<b/>" * 3_998 + b"</a>")
    with pytest.raises(BadMessage, match="tags"):
        parse_message(b"<a>" + b"<b/>" * 3_999 + b"</a>")
    parse_message(b"<a>" + b"x" * (MESSAGE_LIMIT - 7) + b"</a>")
    with pytest.raises(BadMessage, match="size"):
        parse_message(b"<a>" + b"x" * (MESSAGE_LIMIT - 6) + b"</a>")
    with pytest.raises(BadMessage, match="size"):
        parse_document(b"<a/>", limit=3)
