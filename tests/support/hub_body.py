"""Sending the content of a file: ranges, gzip, and the faults that change a body."""
import gzip

from hub_content import BytesSource, GeneratedSource
from hub_faults import Line
from hub_http import parse_range, text_segments, total

GZIP_LIMIT = 10 * 1024 * 1024


def replace(segments, at, data):
    """The segments with `data` in place of the bytes at `at`, an offset from their beginning."""
    result = []
    place = 0
    for source, offset, length in segments:
        if place <= at < place + length:
            before = at - place
            result += [(source, offset, before), (BytesSource(data), 0, len(data))]
            result += [(source, offset + before + len(data), length - before - len(data))]
        else:
            result.append((source, offset, length))
        place += length
    return [s for s in result if s[2] > 0]


def first(segments, count):
    result = []
    for source, offset, length in segments:
        if count <= 0:
            break
        result.append((source, offset, min(length, count)))
        count -= length
    return result


def send_content(exchange, source, headers, faults, allow_gzip=False):
    """Answers with a file's bytes, or the range asked for. `headers`: a dictionary of those that are not about length."""
    headers = dict(headers)
    start, end, partial = 0, source.size, False
    wanted = None if "no-range" in faults else parse_range(exchange.headers.get("range"), source.size)
    condition = exchange.headers.get("if-range")
    if condition and condition != headers.get("ETag"):
        wanted = None
    if wanted == "beyond":
        headers["Content-Range"] = "bytes */%d" % source.size
        return finish(exchange, 416, headers, [], faults)
    if wanted:
        (start, end), partial = wanted, True
    segments = [(source, start, end - start)] if end > start else []
    encoded = "gzip" in faults or (allow_gzip and not partial and 0 < source.size < GZIP_LIMIT
                                   and "gzip" in exchange.headers.get("accept-encoding", ""))
    if encoded:
        data = gzip.compress(b"".join(s.read(o, n) for s, o, n in segments), 1, mtime=0)
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
        return finish(exchange, 206 if partial else 200, headers, text_segments(data), faults, chunked=True)
    if "flip" in faults and start <= faults["flip"].at < end:
        at = faults["flip"].at
        segments = replace(segments, at - start, bytes([source.read(at, 1)[0] ^ 0x10]))
    if partial:
        shift = faults["range-header"].get("delta", 1) if "range-header" in faults else 0
        headers["Content-Range"] = "bytes %d-%d/%d" % (start + shift, end - 1 + shift, source.size)
    finish(exchange, 206 if partial else 200, headers, segments, faults)


def finish(exchange, status, headers, segments, faults, chunked=False):
    """Applies the faults of length, speed and headers, and sends."""
    end = None
    if "long" in faults:
        extra = GeneratedSource(faults["long"].extra, "extra")
        segments = segments + [(extra, 0, extra.size)]
    if "short" in faults:
        segments = first(segments, max(0, total(segments) - faults["short"].missing))
    length = total(segments)
    if "length" in faults:
        length += faults["length"].delta
        end = "close"
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(length)
    for name in ("cut", "expire-after"):
        if name in faults and faults[name].at < total(segments):
            segments = first(segments, faults[name].at)
            end = "reset" if faults[name].get("reset") else "close"
    change_headers(headers, faults)
    pause = (faults["stall"].at, faults["stall"].get("seconds")) if "stall" in faults else None
    line = (faults["slow"].line or Line(faults["slow"].rate)) if "slow" in faults else None
    exchange.answer(status, list(headers.items()), segments, chunked, line, pause, end)


def change_headers(headers, faults):
    if "drop-headers" in faults:
        away = [n.lower() for n in faults["drop-headers"].names]
        for name in [n for n in headers if n.lower() in away]:
            del headers[name]
    if "set-headers" in faults:
        for name, value in faults["set-headers"].headers.items():
            for old in [n for n in headers if n.lower() == name.lower()]:
                del headers[old]
            headers[name] = value
