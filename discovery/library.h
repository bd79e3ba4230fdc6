/* library: functions of a shared library that is loaded when it is needed.
 *
 * libavahi-core and libavahi-client cannot both be linked: each has a function called avahi_entry_group_free of its own, and would call the
 * other's. Loaded apart from each other they get along. It also saves the memory of the one that is not used.
 *
 * 	#define CALLS(CALL) CALL(client_new) CALL(client_free)
 * 	struct calls {
 * 		CALLS(LIBRARY_POINTER)
 * 	};
 * 	static const struct library_call calls[] = {CALLS(LIBRARY_CALL)};
 *
 * Any thread; reads files when the library was not used before.
 */
#ifndef LARDER_DISCOVERY_LIBRARY_H
#define LARDER_DISCOVERY_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* A member of `struct calls`: a pointer to the function avahi_NAME. */
#define LIBRARY_POINTER(name) __typeof__(&avahi_##name) name;
#define LIBRARY_CALL(name) {"avahi_" #name, offsetof(struct calls, name)},

struct library_call {
	const char *name;
	size_t offset; /* of the pointer in the table */
};

/* Load it, and fill the table. It stays loaded to the end of the process. False: the library, or a function in it, is not there. */
bool library_load(const char *soname, const struct library_call *calls, size_t count, void *ret_table);

#endif
