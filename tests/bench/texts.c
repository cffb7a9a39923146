#include "texts.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 400
#define VOCABULARY 20000
#define LINE 72

static char *texts[TEXTS];
static size_t lengths[TEXTS];
static uint64_t seed = 20261128;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static size_t put_word(char *out, uint32_t number)
{
	static const char *const parts[] = { "ba", "co", "di", "fu", "ga",  "ho", "ju", "ka",
					     "le", "mi", "no", "pe", "qua", "ri", "so", "tu" };
	size_t len = 0;

	for (number += 16; number; number /= 16) {
		const char *part = parts[number % 16];

		memcpy(out + len, part, strlen(part));
		len += strlen(part);
	}
	return len;
}

/* The first words are drawn most. */
static uint32_t word_of(void)
{
	return (uint32_t)pow(VOCABULARY, (draw() & 0xffffff) / (double)0x1000000) - 1;
}

static size_t put_text(char *out, size_t length)
{
	size_t len = 0, line = 0;

	while (len < length) {
		size_t word = put_word(out + len, word_of());

		len += word;
		line += word + 1;
		if (line > LINE)
			memcpy(out + len, "\r\n", 2);
		else
			out[len] = ' ';
		len += line > LINE ? 2 : 1;
		line = line > LINE ? 0 : line;
	}
	memcpy(out + len, "\r\n", 2);
	return len + 2;
}

static size_t put_base64(char *out, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = 0, i;

	while (len < length) {
		for (i = 0; i < 76; i++)
			out[len++] = digits[draw() % 64];
		memcpy(out + len, "\r\n", 2);
		len += 2;
	}
	return len;
}

#define FIRST                                                                                      \
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
#define SECOND                                                                                     \
	"--b\r\nContent-Type: application/pdf; name=\"offer.pdf\"\r\n"                             \
	"Content-Transfer-Encoding: base64\r\n\r\n"

static size_t put_piece(char *out, const char *piece)
{
	memcpy(out, piece, strlen(piece));
	return strlen(piece);
}

void texts_make(size_t length)
{
	size_t half = length > 700 ? (length - 500) / 2 : 100;
	int i;

	for (i = 0; i < TEXTS; i++) {
		char *text = texts[i] = malloc(length + 2000);
		size_t len = 0;

		if (!text)
			exit(1);
		len += put_piece(text + len, FIRST);
		len += put_text(text + len, half);
		len += put_piece(text + len, SECOND);
		len += put_base64(text + len, half);
		len += put_piece(text + len, "--b--\r\n.\r\n");
		lengths[i] = len;
	}
}

const char *texts_next(unsigned nth, size_t *len)
{
	*len = lengths[nth % TEXTS];
	return texts[nth % TEXTS];
}
