#include "node/gateway_paths.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char form_key[] = "paths=";

static bool add(json_t *paths, json_t *path)
{
	if (json_is_string(path) && json_array_size(paths) < GATEWAY_PATHS_MAX)
		return json_array_append(paths, path) == 0;
	return false;
}

/* One path may stand without its array. */
static bool add_json(json_t *paths, json_t *asked)
{
	json_t *path;
	size_t i;

	if (!json_is_array(asked))
		return add(paths, asked);
	json_array_foreach(asked, i, path)
		if (!add(paths, path))
			return false;
	return true;
}

static bool add_field(json_t *paths, char *field)
{
	json_t *path;
	bool is_added;

	if (strncmp(field, form_key, sizeof form_key - 1) != 0)
		return true;
	field += sizeof form_key - 1;
	for (char *at = field; *at; at++)
		if (*at == '+')
			*at = ' ';
	path = json_stringn(field, MHD_http_unescape(field)); /* none where it is no UTF-8 */
	is_added = add(paths, path);
	json_decref(path);
	return is_added;
}

static bool add_form(json_t *paths, const char *body, size_t len)
{
	char *form = strndup(body, len), *rest = form, *field;
	bool is_good = form != NULL;

	while (is_good && (field = strsep(&rest, "&")))
		is_good = add_field(paths, field);
	free(form);
	return is_good;
}

json_t *gateway_paths_parse(const char *content_type, const char *body, size_t len)
{
	bool is_json = content_type && strstr(content_type, "json");
	json_t *json = is_json && len <= GATEWAY_PATHS_BYTES_MAX ? json_loadb(body, len, 0, NULL) : NULL, *paths = json_array();
	bool is_good = len <= GATEWAY_PATHS_BYTES_MAX && (is_json ? add_json(paths, json_object_get(json, "paths")) : add_form(paths, body, len));

	json_decref(json);
	if (!is_good) {
		json_decref(paths);
		return NULL;
	}
	return paths;
}
