/* Makes syncing fail: while the file named by FAIL_SYNC_WHEN exists, fsync and fdatasync of files whose name contains its text return EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int descriptor) {
    char wanted[64] = {0}, link[64], path[4096] = {0};
    const char *flag = getenv("FAIL_SYNC_WHEN");
    int file = flag ? open(flag, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, wanted, sizeof wanted - 1);
    close(file);
    if (length < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if (readlink(link, path, sizeof path - 1) < 0) return 0;
    return strstr(path, wanted) != NULL;
}

int fsync(int descriptor) {
    if (fails(descriptor)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}

int fdatasync(int descriptor) {
    if (fails(descriptor)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(descriptor);
}
