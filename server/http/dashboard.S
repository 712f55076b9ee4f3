/* dashboard.html as bytes: dashboard_start up to dashboard_end. */
    .section .rodata
    .global dashboard_start, dashboard_end
dashboard_start:
    .incbin "server/http/dashboard.html"
dashboard_end:
    .section .note.GNU-stack, "", %progbits
