#include "discovery/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_load(const char *soname, const struct library_call *calls, size_t count, void *ret_table)
{
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool complete = handle != NULL;

	for (size_t i = 0; i < count && complete; i++) {
		void *function = dlsym(handle, calls[i].name);
		complete = function != NULL;
		memcpy((char *)ret_table + calls[i].offset, &function, sizeof function);
	}
	if (handle)
		dlclose(handle); /* NODELETE: it stays */
	return complete;
}
