#include "cli/endpoint_settings.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)1 << 20) /* more than an environment may have in one variable */
#define THIS_MACHINE "127.0.0.1,localhost"

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static enum err add(struct endpoint_settings *settings, const char *name, char *value, struct why *why)
{
	if (!value)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	settings->items[settings->count++] = (struct endpoint_setting){name, value};
	return ERR_OK;
}

bool endpoint_is_left_to_us(const char *no_proxy)
{
	return no_proxy && (strstr(no_proxy, "127.0.0.1") || strcasestr(no_proxy, "localhost") || strcmp(no_proxy, "*") == 0);
}

/* The gateway is asked over plain http. */
static bool has_proxy(void)
{
	return variable("http_proxy") || variable("HTTP_PROXY") || variable("all_proxy") || variable("ALL_PROXY");
}

/* Programs read the one, the other, or both. */
static enum err add_no_proxy(struct endpoint_settings *settings, struct why *why)
{
	static const char *const names[] = {"NO_PROXY", "no_proxy"};
	const char *any = variable("no_proxy") ? variable("no_proxy") : variable("NO_PROXY");
	enum err err = ERR_OK;

	for (size_t i = 0; !err && has_proxy() && i < sizeof names / sizeof names[0]; i++) {
		const char *before = variable(names[i]) ? variable(names[i]) : any;
		char *value = NULL;
		if (endpoint_is_left_to_us(variable(names[i])))
			continue;
		if (endpoint_is_left_to_us(before))
			value = strdup(before);
		else if (asprintf(&value, "%s%s" THIS_MACHINE, before ? before : "", before ? "," : "") < 0)
			value = NULL;
		err = add(settings, names[i], value, why);
	}
	return err;
}

enum err endpoint_settings_make(struct endpoint_settings *ret_settings, const char *url, const char *hub, struct why *why)
{
	enum err err;

	*ret_settings = (struct endpoint_settings){0};
	err = add(ret_settings, "HF_ENDPOINT", strdup(url), why);
	if (!err && variable("MODEL_ENDPOINT"))
		err = add(ret_settings, "MODEL_ENDPOINT", strdup(url), why);
	if (!err)
		err = add(ret_settings, "LARDER_HUB", strdup(hub), why);
	return err ? err : add_no_proxy(ret_settings, why);
}

void endpoint_settings_release(struct endpoint_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		free(settings->items[i].value);
	settings->count = 0;
}

bool shell_parse(const char *name, enum shell *ret_shell)
{
	static const struct {
		const char *name;
		enum shell shell;
	} shells[] = {
		{"sh", SHELL_SH}, {"bash", SHELL_SH}, {"zsh", SHELL_SH}, {"dash", SHELL_SH}, {"ksh", SHELL_SH}, {"fish", SHELL_FISH}, {"csh", SHELL_CSH}, {"tcsh", SHELL_CSH},
	};
	const char *slash = strrchr(name, '/');

	for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
		if (strcmp(slash ? slash + 1 : name, shells[i].name) == 0) {
			*ret_shell = shells[i].shell;
			return true;
		}
	return false;
}

/* Inside single quotes only these mean something: the quote itself; in fish the backslash; in csh '!' and the end of the line. */
static const char *quoted(char c, enum shell shell)
{
	if (c == '\'')
		return shell == SHELL_FISH ? "\\'" : "'\\''";
	if (shell == SHELL_FISH)
		return c == '\\' ? "\\\\" : NULL;
	if (shell == SHELL_CSH)
		return c == '!' ? "\\!" : c == '\n' ? "\\\n" : NULL;
	return NULL;
}

char *endpoint_setting_line(const struct endpoint_setting *setting, enum shell shell)
{
	static const char *const words[] = {[SHELL_SH] = "export", [SHELL_FISH] = "set -gx", [SHELL_CSH] = "setenv"};
	struct buf line;
	enum err err;
	char *text;

	buf_init(&line, LINE_MAX_BYTES);
	err = buf_add_format(&line, "%s %s%s'", words[shell], setting->name, shell == SHELL_SH ? "=" : " ");
	for (const char *p = setting->value; !err && *p; p++) {
		const char *escape = quoted(*p, shell);
		err = escape ? buf_add_str(&line, escape) : buf_add(&line, p, 1);
	}
	/* eval of csh and fish gets all lines as one. */
	if (!err)
		err = buf_add_str(&line, "';");
	text = err ? NULL : buf_take_str(&line);
	buf_release(&line);
	return text;
}
