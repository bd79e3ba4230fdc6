#include "store/filesystem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Not all of them are in linux/magic.h. */
static const struct {
	unsigned long magic;
	const char *type;
} remote[] = {
	{0x6969, "nfs"},       {0x6969, "nfs4"},          {0xff534d42, "cifs"},     {0xfe534d42, "smb3"},        {0x517b, "smbfs"},
	{0x5346414f, "afs"},   {0x6b414653, "kafs"},      {0x00c36400, "ceph"},     {0x0bd00bd0, "lustre"},      {0x47504653, "gpfs"},
	{0x01021997, "9p"},    {0x73757245, "coda"},      {0x564c, "ncpfs"},        {0x7461636f, "ocfs2"},       {0x01161970, "gfs2"},
	{0x20030528, "orangefs"}, {0x19830326, "beegfs"}, {0xaad7aaea, "panfs"},
};

static const char *const remote_fuse[] = {
	"sshfs", "glusterfs", "ceph-fuse", "ceph", "s3fs", "rclone", "gcsfuse", "davfs", "davfs2", "curlftpfs", "mfs", "moosefs", "lizardfs",
	"juicefs", "seaweedfs", "goofys", "blobfuse", "blobfuse2", "gvfsd-fuse", "mount-s3", "hdfs", "beegfs", "cvmfs2",
};

#define FUSE_MAGIC 0x65735546UL

static bool is_remote_type(const char *type)
{
	const char *fuse = strncmp(type, "fuse.", 5) == 0 ? type + 5 : NULL;

	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
		if (strcmp(type, remote[i].type) == 0)
			return true;
	for (size_t i = 0; fuse && i < sizeof remote_fuse / sizeof remote_fuse[0]; i++)
		if (strcmp(fuse, remote_fuse[i]) == 0)
			return true;
	return false;
}

bool filesystem_is_remote(unsigned long magic, const char *type)
{
	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
		if (magic == remote[i].magic)
			return true;
	return type && is_remote_type(type);
}

bool filesystem_parse_mount(const char *line, unsigned device_major, unsigned device_minor, char ret_type[FILESYSTEM_TYPE_MAX])
{
	unsigned line_major, line_minor;
	const char *dash;
	size_t len;

	if (sscanf(line, "%*u %*u %u:%u ", &line_major, &line_minor) != 2 || line_major != device_major || line_minor != device_minor)
		return false;
	dash = strstr(line, " - ");
	if (!dash)
		return false;
	len = strcspn(dash + 3, " \n");
	if (len == 0 || len >= FILESYSTEM_TYPE_MAX)
		return false;
	memcpy(ret_type, dash + 3, len);
	ret_type[len] = 0;
	return true;
}

static bool find_type(dev_t device, char ret_type[FILESYSTEM_TYPE_MAX])
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getline(&line, &room, mounts) > 0)
		found = filesystem_parse_mount(line, major(device), minor(device), ret_type);
	free(line);
	fclose(mounts);
	return found;
}

enum err filesystem_check(int fd, const char *path, struct why *why)
{
	char type[FILESYSTEM_TYPE_MAX] = "";
	struct statfs fs;
	struct stat st;
	unsigned long magic;

	if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0)
		return ERR_OK; /* some sandboxes forbid it: then it is up to the person */
	magic = (unsigned long)fs.f_type & 0xffffffffUL;
	if (magic == FUSE_MAGIC || filesystem_is_remote(magic, NULL))
		(void)find_type(st.st_dev, type);
	if (!filesystem_is_remote(magic, type[0] ? type : NULL))
		return ERR_OK;
	return why_set(why, ERR_UNSUPPORTED,
		       "%s lies on a network file system (%s), which cannot hold a store: use --home DIR on a local disk, for instance "
		       "/var/tmp/larder-%u",
		       path, type[0] ? type : "shared by machines", (unsigned)geteuid());
}

bool filesystem_is_read_only(int fd)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}
