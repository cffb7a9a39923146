pkg_check_modules(OPENDKIM REQUIRED IMPORTED_TARGET opendkim)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
target_link_libraries(module_dkim PRIVATE PkgConfig::OPENDKIM PkgConfig::CRYPTO resolv)
# Shared with domains: what DNS serves of a key.
target_sources(module_dkim PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../common/dkim_record.c)
