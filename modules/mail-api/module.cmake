pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
target_link_libraries(module_mail-api PRIVATE PkgConfig::CRYPTO PkgConfig::GMIME)
# Shared with other modules: what GMime is not to see, and encoded words.
target_sources(module_mail-api PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../common/charsets.c ${CMAKE_CURRENT_LIST_DIR}/../common/groups.c
	${CMAKE_CURRENT_LIST_DIR}/../common/parsed.c ${CMAKE_CURRENT_LIST_DIR}/../common/encoded_words.c)
