pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
find_package(ZLIB REQUIRED)
target_link_libraries(module_tlsrpt PRIVATE PkgConfig::CRYPTO ZLIB::ZLIB)
