pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
target_link_libraries(module_mail-api PRIVATE PkgConfig::CRYPTO)
