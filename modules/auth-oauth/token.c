#include "token.h"

#include <stdlib.h>

void wipe_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void token_finish(struct token *token)
{
	wipe_free(token->access);
	wipe_free(token->refresh);
	free(token->scope);
	*token = (struct token){ 0 };
}

void token_take(struct token *own, struct token *other)
{
	token_finish(own);
	*own = *other;
	*other = (struct token){ 0 };
}

static bool copy(char **own, const char *other)
{
	*own = other ? strdup(other) : NULL;
	return !other || *own;
}

bool token_copy(struct token *own, const struct token *other)
{
	*own = (struct token){ .got = other->got, .expires = other->expires };
	if (copy(&own->access, other->access) && copy(&own->refresh, other->refresh) &&
	    copy(&own->scope, other->scope))
		return true;
	token_finish(own);
	return false;
}
