pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
target_link_libraries(module_bounce PRIVATE PkgConfig::GMIME PkgConfig::CRYPTO PkgConfig::SQLITE)
# Shared with other modules: what GMime is not to see.
target_sources(module_bounce PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../common/charsets.c ${CMAKE_CURRENT_LIST_DIR}/../common/groups.c
	${CMAKE_CURRENT_LIST_DIR}/../common/parsed.c)
