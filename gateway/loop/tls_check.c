/* tls_check.c - how a server's certificate is looked at in one handshake. */
#include "loop/tls_private.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* --- pins --- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tls_pin_read(struct gw_str text, unsigned char pin[TLS_PIN])
{
	size_t count = 0, i = 0;

	while (i + 1 < text.len && count < TLS_PIN) {
		int high = digit_of(text.ptr[i]), low = digit_of(text.ptr[i + 1]);

		if (high < 0 || low < 0)
			return false;
		pin[count++] = (unsigned char)(high << 4 | low);
		i += 2;
		if (i + 1 < text.len && text.ptr[i] == ':')
			i++;
	}
	return count == TLS_PIN && i == text.len;
}

static bool is_pinned(const struct tls_context *tls, const unsigned char *digest)
{
	for (size_t i = 0; i < tls->pin_count; i++)
		if (memcmp(tls->pins[i], digest, TLS_PIN) == 0)
			return true;
	return false;
}

bool tls_digest(const unsigned char *octets, size_t len, unsigned char digest[TLS_PIN])
{
	return EVP_Digest(octets, len, digest, NULL, EVP_sha256(), NULL) == 1;
}

static bool key_digest(const X509 *certificate, unsigned char *digest)
{
	unsigned char *octets = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
	bool done = len > 0 && tls_digest(octets, (size_t)len, digest);

	OPENSSL_free(octets);
	return done;
}

/* In the place of OpenSSL's own look at the chain. */
static int look_at_pins(X509_STORE_CTX *store, void *arg)
{
	const struct tls_context *tls = arg;
	const X509 *certificate = X509_STORE_CTX_get0_cert(store);
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (X509_digest(certificate, EVP_sha256(), digest, NULL) == 1 && is_pinned(tls, digest))
		return 1;
	if (key_digest(certificate, digest) && is_pinned(tls, digest))
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

bool tls_pins_load(struct tls_context *tls, const struct gw_list *pins)
{
	tls->pins = calloc(pins->count + 1, sizeof(*tls->pins));
	for (size_t i = 0; tls->pins != NULL && i < pins->count; i++)
		tls->pin_count += tls_pin_read(pins->items[i], tls->pins[tls->pin_count]);
	if (pins->count > 0)
		SSL_CTX_set_cert_verify_callback(tls->ctx, look_at_pins, tls);
	return tls->pins != NULL;
}

const char *tls_check_reason(long result)
{
	return result == X509_V_ERR_APPLICATION_VERIFICATION
		       ? "neither it nor its key is one of those pinned"
		       : X509_verify_cert_error_string(result);
}

const char *tls_check_failure(long result)
{
	switch (result) {
	case X509_V_OK:
		return NULL;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "certificate-expired";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "certificate-host-mismatch";
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "certificate-not-trusted";
	default:
		return "validation-failure";
	}
}

/* --- names --- */

static bool is_address(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* An address is looked for among the addresses of the certificate and never named in the greeting
 * (RFC 6066 section 3). */
static int set_name(SSL *ssl, const char *name, bool checked)
{
	if (is_address(name))
		return !checked || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
			       ? 0
			       : -1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set_tlsext_host_name(ssl, name) != 1)
		return -1;
	return !checked || SSL_set1_host(ssl, name) == 1 ? 0 : -1;
}

/* --- DANE --- */

bool tls_tlsa_usable(const struct tls_tlsa *tlsa)
{
	static const uint16_t sizes[] = { 0, 32, 64 }; /* by matching type; 0: any */

	if ((tlsa->usage != 2 && tlsa->usage != 3) || tlsa->selector > 1 || tlsa->matching > 2)
		return false;
	return tlsa->matching == 0 ? tlsa->len > 0 : tlsa->len == sizes[tlsa->matching];
}

/* The names of a certificate count with DANE-TA only (RFC 7672 section 3.1.1). */
static int set_tlsa(SSL *ssl, const struct tls_demand *demand, const char *name)
{
	if (SSL_dane_enable(ssl, name) != 1)
		return -1;
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < demand->tlsa_count; i++) {
		const struct tls_tlsa *tlsa = &demand->tlsa[i];

		if (tls_tlsa_usable(tlsa) &&
		    SSL_dane_tlsa_add(ssl, tlsa->usage, tlsa->selector, tlsa->matching,
				      tlsa->octets, tlsa->len) < 0)
			return -1;
	}
	return 0;
}

/* --- one handshake --- */

int tls_check_begin(SSL *ssl, const struct tls_demand *demand, const char *name)
{
	bool required = demand->required && demand->check != TLS_CHECK_NOTHING;

	SSL_set_verify(ssl, required ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	return demand->check == TLS_CHECK_DANE
		       ? set_tlsa(ssl, demand, name)
		       : set_name(ssl, name, demand->check == TLS_CHECK_NAME);
}
