namespace ApiDocs;

public static class ExitCode
{
    public const int Done = 0;

    /// <summary>The results or the failures could not be written, or the accounting is wrong.</summary>
    public const int Failed = 1;

    /// <summary>No member could be read, there are no such failures or records, or the arguments are wrong.</summary>
    public const int NothingRead = 2;

    /// <summary>What shells report of a program that Ctrl+C stopped.</summary>
    public const int Stopped = 130;
}
