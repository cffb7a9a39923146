/* A shared object, and no module. */
__attribute__((visibility("default"))) int nothing(void);
int nothing(void)
{
	return 0;
}
