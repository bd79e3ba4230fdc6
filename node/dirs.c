#include "node/dirs.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *dirs_join(const char *dir, const char *name)
{
	size_t len = strlen(dir), name_len = strlen(name);
	char *path = malloc(len + 1 + name_len + 1);

	if (!path)
		return NULL;
	memcpy(path, dir, len);
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len != 1 || dir[0] != '/')
		path[len++] = '/';
	memcpy(path + len, name, name_len + 1);
	return path;
}

static enum err join(const char *dir, const char *name, char **ret_path)
{
	char *path = dirs_join(dir, name);

	if (!path)
		return ERR_NO_MEMORY;
	*ret_path = path;
	return ERR_OK;
}

/* A variable that is set and not empty, else NULL. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static enum err user_home(char **ret_path, struct why *why)
{
	const char *home = variable("HOME");
	struct passwd *user;
	char *copy;

	if (!home || home[0] != '/') {
		user = getpwuid(getuid());
		home = user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
	}
	if (!home)
		return why_set(why, ERR_USAGE, "you have no home directory: say where larder may keep its data with --home DIR or LARDER_HOME");
	copy = strdup(home);
	if (!copy)
		return ERR_NO_MEMORY;
	*ret_path = copy;
	return ERR_OK;
}

static enum err below_home(const char *name, char **ret_path, struct why *why)
{
	char *home = NULL;
	enum err err = user_home(&home, why);

	if (err)
		return err;
	err = join(home, name, ret_path);
	free(home);
	return err;
}

enum err dirs_absolute(const char *path, char **ret_path, struct why *why)
{
	char *here;
	enum err err;

	if (strcmp(path, "~") == 0)
		return user_home(ret_path, why);
	if (strncmp(path, "~/", 2) == 0)
		return below_home(path + 2, ret_path, why);
	if (path[0] == '/') {
		here = strdup(path);
		if (!here)
			return ERR_NO_MEMORY;
		*ret_path = here;
		return ERR_OK;
	}
	here = getcwd(NULL, 0);
	if (!here)
		return why_errno(why, errno, "cannot tell which directory \"%s\" starts from", path);
	err = join(here, path, ret_path);
	free(here);
	return err;
}

/* The directory that `name` sets, else `fallback` below the home. As XDG wants it, a relative one does not count. */
static enum err xdg(const char *name, const char *fallback, char **ret_path, struct why *why)
{
	const char *value = variable(name);

	if (value && value[0] == '/')
		return dirs_absolute(value, ret_path, why);
	return below_home(fallback, ret_path, why);
}

enum err dirs_cache_home(char **ret_path, struct why *why)
{
	return xdg("XDG_CACHE_HOME", ".cache", ret_path, why);
}

enum err dirs_config_home(char **ret_path, struct why *why)
{
	return xdg("XDG_CONFIG_HOME", ".config", ret_path, why);
}

enum err dirs_hf_home(char **ret_path, struct why *why)
{
	const char *value = variable("HF_HOME");
	char *cache = NULL;
	enum err err;

	if (value)
		return dirs_absolute(value, ret_path, why);
	err = dirs_cache_home(&cache, why);
	if (err)
		return err;
	err = join(cache, "huggingface", ret_path);
	free(cache);
	return err;
}

static enum err below_hf_home(const char *name, char **ret_path, struct why *why)
{
	char *home = NULL;
	enum err err = dirs_hf_home(&home, why);

	if (err)
		return err;
	err = join(home, name, ret_path);
	free(home);
	return err;
}

enum err dirs_hf_hub_cache(char **ret_path, struct why *why)
{
	const char *value = variable("HF_HUB_CACHE");

	if (!value)
		value = variable("HUGGINGFACE_HUB_CACHE");
	return value ? dirs_absolute(value, ret_path, why) : below_hf_home("hub", ret_path, why);
}

enum err dirs_hf_token(char **ret_path, struct why *why)
{
	const char *value = variable("HF_TOKEN_PATH");

	return value ? dirs_absolute(value, ret_path, why) : below_hf_home("token", ret_path, why);
}
