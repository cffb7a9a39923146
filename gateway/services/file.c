/* file.c - a message as a file of its own, for programs that are handed a descriptor. A copy: the
 * file of the spool that it lies in holds other people's mail too. */
#include "services/services.h"

#include "base/file.h"
#include "deliver/delivery.h"

#include <errno.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE 65536

typedef long read_fn(void *from, uint64_t offset, char *scratch, struct gw_str *piece);

static long piece_of_message(void *from, uint64_t offset, char *scratch, struct gw_str *piece)
{
	struct gw_message *message = from;
	return spool_piece(&message->content, offset, scratch, PIECE, piece);
}

static long piece_of_delivery(void *from, uint64_t offset, char *scratch, struct gw_str *piece)
{
	return edits_piece(from, offset, scratch, PIECE, piece);
}

static bool copy(int fd, read_fn *read, void *from, uint64_t size)
{
	char scratch[PIECE];
	for (uint64_t done = 0; done < size;) {
		struct gw_str piece;
		long got = read(from, done, scratch, &piece);
		if (got <= 0)
			errno = EIO;
		if (got <= 0 || file_write(fd, piece) != 0)
			return false;
		done += piece.len;
	}
	return true;
}

/* Sealed: who is given it can change it for nobody else. */
static int make_file(read_fn *read, void *from, uint64_t size)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (copy(fd, read, from, size) && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int services_message_file(struct gw_message *message)
{
	return make_file(piece_of_message, message, message->content.size);
}

int services_delivery_file(struct gw_delivery *delivery)
{
	struct edits *edits = delivery_edits(delivery);
	return make_file(piece_of_delivery, edits, edits_size(edits));
}
