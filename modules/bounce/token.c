#include "token.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define MAC_SIZE 6
#define SIGNED_SIZE 12 /* id, nth, day */
#define RAW_SIZE (SIGNED_SIZE + MAC_SIZE)

/* --- keys --- */

static bool read_key(const char *line, unsigned char key[KEY_SIZE])
{
	size_t i;

	for (i = 0; i < KEY_SIZE; i++) {
		int high = g_ascii_xdigit_value(line[2 * i]),
		    low = high < 0 ? -1 : g_ascii_xdigit_value(line[2 * i + 1]);

		if (low < 0)
			return false;
		key[i] = (unsigned char)(high << 4 | low);
	}
	return line[2 * KEY_SIZE] == '\0' || line[2 * KEY_SIZE] == '\n';
}

static const char *read_keys(struct keys *keys, FILE *file)
{
	char line[256];
	struct stat is;

	keys->count = 0;
	if (fstat(fileno(file), &is) != 0 || (is.st_mode & 077))
		return "others may read it: it must be for the gateway's user alone (chmod 600)";
	while (keys->count < KEYS_MAX && fgets(line, sizeof line, file)) {
		if (!read_key(line, keys->items[keys->count]))
			return "a line is no key of 64 hexadecimal digits";
		keys->count++;
	}
	OPENSSL_cleanse(line, sizeof line);
	return keys->count ? NULL : "there is no key in it";
}

int keys_read(struct keys *keys, const char *path, const char **why)
{
	FILE *file = fopen(path, "re");

	if (!file && errno == ENOENT)
		return 1;
	*why = file ? read_keys(keys, file) : strerror(errno);
	if (file)
		fclose(file);
	return *why ? -1 : 0;
}

static int write_key(int fd)
{
	unsigned char key[KEY_SIZE];
	char line[2 * KEY_SIZE + 2];
	size_t i;

	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return -1;
	for (i = 0; i < KEY_SIZE; i++)
		sprintf(line + 2 * i, "%02x", key[i]);
	line[2 * KEY_SIZE] = '\n';
	if (write(fd, line, 2 * KEY_SIZE + 1) != 2 * KEY_SIZE + 1)
		return -1;
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(line, sizeof line);
	return fsync(fd);
}

/* A key that is gone after a power cut proves none of the mail that left meanwhile. */
static int sync_folder(const char *path)
{
	char folder[4096];
	char *slash;
	int fd, result;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return result;
}

/* Beside it first, so that nobody ever reads half a key. */
int keys_make(const char *path)
{
	char beside[4096];
	int fd, error;

	snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_key(fd) != 0 || (link(beside, path) != 0 && errno != EEXIST)) {
		error = errno;
		close(fd);
		unlink(beside);
		errno = error;
		return -1;
	}
	close(fd);
	unlink(beside);
	return sync_folder(path);
}

/* --- tokens --- */

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static void encode(const unsigned char raw[RAW_SIZE], char out[TOKEN_SIZE])
{
	unsigned bits = 0, held = 0;
	size_t i, len = 0;

	for (i = 0; i < RAW_SIZE; i++) {
		held = held << 8 | raw[i];
		for (bits += 8; bits >= 5; bits -= 5)
			out[len++] = digits[held >> (bits - 5) & 31];
	}
	out[len++] = digits[held << (5 - bits) & 31];
	out[len] = '\0';
}

static bool decode(struct gw_str text, unsigned char raw[RAW_SIZE])
{
	unsigned bits = 0, held = 0;
	size_t i, len = 0;

	if (text.len != TOKEN_SIZE - 1)
		return false;
	for (i = 0; i < text.len; i++) {
		const char *digit = memchr(digits, tolower((unsigned char)text.ptr[i]), 32);

		if (!digit)
			return false;
		held = held << 5 | (unsigned)(digit - digits);
		bits += 5;
		if (bits >= 8 && len < RAW_SIZE) {
			bits -= 8;
			raw[len++] = (unsigned char)(held >> bits);
		}
	}
	/* what is over has to be zero: one token, one text */
	return len == RAW_SIZE && (held & ((1u << bits) - 1)) == 0;
}

static bool sign(const unsigned char key[KEY_SIZE], const unsigned char *raw, struct gw_str domain,
		 unsigned char mac[EVP_MAX_MD_SIZE])
{
	unsigned char data[SIGNED_SIZE + 256];
	unsigned size = 0;
	size_t i;

	if (domain.len > 255)
		return false;
	memcpy(data, raw, SIGNED_SIZE);
	for (i = 0; i < domain.len; i++)
		data[SIGNED_SIZE + i] = (unsigned char)tolower((unsigned char)domain.ptr[i]);
	return HMAC(EVP_sha256(), key, KEY_SIZE, data, SIGNED_SIZE + domain.len, mac, &size) !=
	       NULL;
}

bool token_make(const struct keys *keys, struct path path, uint16_t day, struct gw_str domain,
		char out[TOKEN_SIZE])
{
	unsigned char raw[RAW_SIZE], mac[EVP_MAX_MD_SIZE];
	size_t i;

	for (i = 0; i < 8; i++)
		raw[i] = (unsigned char)(path.id >> (56 - 8 * i));
	raw[8] = (unsigned char)(path.nth >> 8);
	raw[9] = (unsigned char)path.nth;
	raw[10] = (unsigned char)(day >> 8);
	raw[11] = (unsigned char)day;
	if (!keys->count || !sign(keys->items[0], raw, domain, mac))
		return false;
	memcpy(raw + SIGNED_SIZE, mac, MAC_SIZE);
	encode(raw, out);
	return true;
}

static bool is_ours(const struct keys *keys, const unsigned char raw[RAW_SIZE],
		    struct gw_str domain)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t i;

	for (i = 0; i < keys->count; i++)
		if (sign(keys->items[i], raw, domain, mac) &&
		    CRYPTO_memcmp(mac, raw + SIGNED_SIZE, MAC_SIZE) == 0)
			return true;
	return false;
}

enum token token_read(const struct keys *keys, struct gw_str local, struct gw_str domain,
		      int64_t today, struct path *path)
{
	unsigned char raw[RAW_SIZE];
	size_t i;

	if (!decode(local, raw) || !is_ours(keys, raw, domain))
		return TOKEN_FORGED;
	for (path->id = 0, i = 0; i < 8; i++)
		path->id = path->id << 8 | raw[i];
	path->nth = (uint16_t)(raw[8] << 8 | raw[9]);
	return (raw[10] << 8 | raw[11]) < today ? TOKEN_EXPIRED : TOKEN_FINE;
}
