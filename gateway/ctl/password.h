/* password.h - `gatewayctl password`: a line for the file of users, made here, so that the password
 * is in no argument, no socket and no log. */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

/* words[0] is "password", NULL ends them. The line goes to standard output; an exit code of
 * sysexits.h. */
int password_run(char **words);

#endif
