#include "new_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <unistd.h>

static bool write_key(EVP_PKEY *private, int fd)
{
	FILE *file = fdopen(fd, "w");
	bool written;

	if (!file) {
		close(fd);
		return false;
	}
	written = PEM_write_PrivateKey(file, private, NULL, NULL, 0, NULL, NULL) == 1 &&
		  fflush(file) == 0 && fsync(fd) == 0;
	return fclose(file) == 0 && written;
}

int key_create(struct key *key, const char *path)
{
	int fd, error;

	key->private = key->algorithm == KEY_RSA ? EVP_RSA_gen(2048)
						 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	errno = ENOMEM;
	if (!key->private)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (write_key(key->private, fd))
		return 0;
	error = errno;
	unlink(path); /* half a key is none */
	errno = error;
	return -1;
}
