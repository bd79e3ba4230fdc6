#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_ROOM 64

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){.limit = limit};
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = 0;
}

enum err buf_reserve(struct buf *buf, size_t len)
{
	size_t need, room;
	uint8_t *data;

	if (len > buf->limit || buf->len > buf->limit - len)
		return ERR_LIMIT;
	need = buf->len + len + 1;
	if (need == 0)
		return ERR_LIMIT;
	if (need <= buf->room)
		return ERR_OK;
	room = buf->room ? buf->room : BUF_FIRST_ROOM;
	while (room < need)
		room = room > SIZE_MAX / 2 ? need : room * 2;
	data = realloc(buf->data, room);
	if (!data)
		return ERR_NO_MEMORY;
	data[buf->len] = 0;
	buf->data = data;
	buf->room = room;
	return ERR_OK;
}

enum err buf_add(struct buf *buf, const void *data, size_t len)
{
	enum err err = buf_reserve(buf, len);

	if (err)
		return err;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = 0;
	return ERR_OK;
}

enum err buf_add_str(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

enum err buf_add_format(struct buf *buf, const char *format, ...)
{
	va_list args;
	enum err err;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return ERR_INVALID;
	err = buf_reserve(buf, (size_t)len);
	if (err)
		return err;
	va_start(args, format);
	vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
	return ERR_OK;
}

const char *buf_str(const struct buf *buf)
{
	return buf->data ? (const char *)buf->data : "";
}

char *buf_take_str(struct buf *buf)
{
	char *text;

	if (!buf->data)
		return calloc(1, 1);
	text = (char *)buf->data;
	*buf = (struct buf){.limit = buf->limit};
	return text;
}
