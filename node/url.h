/* url: taking http and https addresses apart, putting them together.
 *
 * The part of RFC 3986 that hubs use; everything else (other schemes, user names, control characters) is refused. Pure; any thread.
 */
#ifndef LARDER_NODE_URL_H
#define LARDER_NODE_URL_H

#include "base/buf.h"

#include <stdint.h>

#define URL_MAX 16384    /* bytes of an address; signed ones have some 1500 */
#define URL_HOST_MAX 256 /* bytes of a host with its zero: 253 of a DNS name; brackets of IPv6 included */

struct url {
	bool https;
	char host[URL_HOST_MAX]; /* lower case; IPv6 keeps its brackets */
	uint16_t port;           /* the scheme's own when none was written */
	const char *target;      /* into the text: path and query, "/..." or "?..." or "" */
};

/* False, with *ret_url untouched, for anything that is not a whole http(s) address. A fragment stays in `target`. */
bool url_parse(const char *text, struct url *ret_url);
/* Scheme, host and port are the same. */
bool url_same_origin(const struct url *a, const struct url *b);
/* "huggingface.co", "127.0.0.1:8080": the port only where it is not the scheme's own. Returns `ret`. */
#define URL_AUTHORITY_MAX (URL_HOST_MAX + 6)
const char *url_authority(const struct url *url, char ret[URL_AUTHORITY_MAX]);

/* The address that `reference` (a Location, a Link) means when it stands at `base`: RFC 3986, section 5.2, dot segments left in place (whoever sends it squashes them).
 * The fragment is dropped; blanks and bytes above 0x7e are percent-encoded, as servers forget to. ERR_INVALID for no http(s) address, ERR_LIMIT above URL_MAX, ERR_NO_MEMORY. Free with free(). */
enum err url_resolve(const char *base, const char *reference, char **ret_url) LARDER_MUST_USE;

/* Add `text` percent-encoded, all but letters, digits, "-._~" and the characters of `keep`. Errors of buf_add(). */
enum err url_add_escaped(struct buf *buf, const char *text, const char *keep) LARDER_MUST_USE;

/* The target of the `Link` header value with rel=next, as it stands there, or NULL. Free with free(). ERR_NO_MEMORY only. */
enum err url_link_next(const char *link, char **ret_target) LARDER_MUST_USE;

#endif
