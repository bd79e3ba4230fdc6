#include "node/token.h"

#include "node/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void token_free(char *token)
{
	if (!token)
		return;
	explicit_bzero(token, strlen(token));
	free(token);
}

/* A token goes into a header line: visible ASCII only. Space around it is dropped. */
static enum err clean(const char *text, const char *source, char **ret_token, struct why *note)
{
	size_t len;
	char *token;

	text += strspn(text, " \t\r\n");
	len = strcspn(text, " \t\r\n");
	*ret_token = NULL;
	if (len == 0)
		return ERR_OK;
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x21 || text[i] > 0x7e)
			goto bad;
	if (text[len + strspn(text + len, " \t\r\n")])
		goto bad;
	token = strndup(text, len);
	if (!token)
		return ERR_NO_MEMORY;
	*ret_token = token;
	return ERR_OK;
bad:
	(void)why_set(note, ERR_USAGE, "what %s holds is not a token; going on without one", source);
	return ERR_OK;
}

static ssize_t read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len;
	int saved;

	if (fd < 0)
		return -1;
	do {
		len = read(fd, text, room);
	} while (len < 0 && errno == EINTR);
	saved = errno;
	close(fd);
	errno = saved;
	return len;
}

static enum err from_file(char **ret_token, struct why *note)
{
	char text[TOKEN_MAX + 1], *path = NULL;
	enum err err = dirs_hf_token(&path, NULL);
	ssize_t len;

	*ret_token = NULL;
	if (err) /* nobody's home: no file either */
		return err == ERR_NO_MEMORY ? err : ERR_OK;
	len = read_file(path, text, TOKEN_MAX);
	if (len < 0 && errno != ENOENT && errno != ENOTDIR)
		(void)why_errno(note, errno, "going on without a token, since %s cannot be read", path);
	if (len > 0) {
		text[len] = 0;
		err = clean(text, path, ret_token, note);
		explicit_bzero(text, sizeof text);
	}
	free(path);
	return err;
}

enum err token_find(char **ret_token, struct why *note)
{
	static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);
		if (value)
			return clean(value, names[i], ret_token, note);
	}
	return from_file(ret_token, note);
}
