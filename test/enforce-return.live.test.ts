/** The denials at the security hooks, where BPF is not among the security modules: by what their functions return. */
process.env.RINGFENCE_TEST_RETURN = '1';
await import('./enforce.live.test.ts');
