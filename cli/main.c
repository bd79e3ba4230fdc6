#include "cli/commands.h"
#include "cli/exit_code.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A stream that the caller has closed would be the next file that is opened, and results would be written into the store. */
static int open_missing_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Read-only, so that results written to a closed standard output fail. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (open_missing_streams() != 0)
		return EXIT_CODE_OTHER;
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error to be told, not the end */
	return commands_run(argc, (const char *const *)argv, stdout, stderr);
}
